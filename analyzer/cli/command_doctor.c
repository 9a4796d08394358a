#include "cli/commands.h"
#include "cli/findings.h"

struct error *command_doctor(const struct cli_options *options)
{
    struct findings findings = {0};
    struct error *error = NULL, *not_understood = NULL;
    if (options->pid)
        error = findings_of_process(&findings, options->pid, &not_understood);
    else
        findings_of_machine(&findings);
    if (!error && options->json)
        error = findings_print_json(&findings, options->pid);
    else if (!error)
        findings_print(&findings);
    if (!error)
        return not_understood;
    error_free(not_understood);
    return error;
}
