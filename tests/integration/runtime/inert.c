/* A program without Lua: tells all that a preloaded library could have done to it. */
#include "host.h"

int main(void)
{
    print("threads", status_value("Threads"));
    print("data_kib", status_value("VmData"));
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    long anonymous = 0;
    while (file && fgets(line, sizeof(line), file))
        anonymous += strchr(line, '/') == NULL && strchr(line, '[') == NULL;
    print("anonymous_mappings", anonymous);
    return 0;
}
