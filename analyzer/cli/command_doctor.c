#include "cli/commands.h"
#include "cli/findings.h"

struct error *command_doctor(const struct cli_options *options)
{
    struct findings findings = {0};
    struct error *error = NULL;
    if (options->pid)
        error = findings_of_process(&findings, options->pid);
    else
        findings_of_machine(&findings);
    if (error)
        return error;
    if (options->json)
        return findings_print_json(&findings, options->pid);
    findings_print(&findings);
    return NULL;
}
