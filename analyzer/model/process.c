#include "model/process.h"

#include <stdlib.h>

void process_forget_memory(struct process *process)
{
    for (size_t i = 0; i < process->state_count; i++)
        object_names_release(&process->states[i].names);
    chunk_map_free(&process->malloc.chunks);
    nginx_pools_forget_chunks(&process->pools);
    if (process->memory)
        capture_free(process->memory);
    free(process->memory);
    process->memory = NULL;
}

void process_release(struct process *process)
{
    process_forget_memory(process);
    for (size_t i = 0; i < process->state_count; i++)
        lua_state_release(&process->states[i]);
    free(process->states);
    memory_map_release(&process->map);
    glibc_heap_release(&process->malloc);
    nginx_pools_release(&process->pools);
    shared_zones_release(&process->zones);
    for (struct kept_text *text = process->texts, *next; text; text = next) {
        next = text->next;
        free(text);
    }
    *process = (struct process){.pid = process->pid};
}

const struct lua_state *process_damaged_state(const struct process *process)
{
    for (size_t i = 0; i < process->state_count; i++)
        if (process->states[i].damage)
            return &process->states[i];
    return NULL;
}
