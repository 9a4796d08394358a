/* Sections of the process: how it was looked at, and where its memory is. */
#include <limits.h>
#include <stdlib.h>

#include "snapshot/parts.h"

enum {
    STATES_MAX = 65536,
    KEPT_CHECKS_MAX = CHECKS_MAX - 8, /* analyses of what was read add theirs */
};

void look_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct process *process = subject->process;
    struct snapshot_about *about = subject->about;
    codec_text(codec, about->writer, sizeof(about->writer));
    CODEC_NUMBER(codec, about->taken_ns, UINT64_MAX);
    CODEC_NUMBER(codec, process->pid, INT_MAX);
    codec_text(codec, about->name, sizeof(about->name));
    codec_flag(codec, &about->is_core);
    codec_flag(codec, &about->shows_strings);
    codec_flag(codec, &process->has_residency);
    codec_flag(codec, &process->has_map);
    codec_flag(codec, &process->stopped);
    codec_double(codec, &process->pause_ms);
    CODEC_NUMBER(codec, process->attempts, INT_MAX);
    CODEC_NUMBER(codec, process->copied_bytes, UINT64_MAX);
    uint64_t states = process->state_count;
    CODEC_NUMBER(codec, states, STATES_MAX);
    if (codec->writing || !codec_charge(codec, states * sizeof(*process->states)))
        return;
    process->states = calloc(states + 1, sizeof(*process->states));
    if (!process->states)
        codec->error = error_no_memory();
    else
        process->state_count = states;
}

void checks_visit(struct codec *codec, struct checks *checks, struct process *process)
{
    uint64_t count = checks->count;
    CODEC_NUMBER(codec, count, KEPT_CHECKS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        struct check check = codec->writing ? checks->items[i] : (struct check){0};
        codec_kept_text(codec, &check.name, &process->texts);
        CODEC_NUMBER(codec, check.expected, UINT64_MAX);
        CODEC_NUMBER(codec, check.actual, UINT64_MAX);
        CODEC_NUMBER(codec, check.tolerance, UINT64_MAX);
        if (!codec->writing)
            checks_add_within(checks, check.name ? check.name : "?", check.expected, check.actual, check.tolerance);
    }
}

void damage_visit(struct codec *codec, struct error **damage, struct process *process)
{
    unsigned kind_and_one = *damage ? error_kind(*damage) + 1 : 0;
    const char *text = *damage ? error_text(*damage) : NULL;
    CODEC_NUMBER(codec, kind_and_one, ERROR_NOT_UNDERSTOOD + 1);
    codec_kept_text(codec, &text, &process->texts);
    if (!codec->writing && kind_and_one > 1)
        *damage = error_new((enum error_kind)(kind_and_one - 1), "%s", text ? text : "?");
}

static void system_visit(struct codec *codec, struct process *process)
{
    uint64_t count = SYSTEM_KINDS;
    CODEC_NUMBER(codec, count, SYSTEM_KINDS);
    for (uint64_t i = 0; i < SYSTEM_KINDS; i++) {
        struct system_row *row = &process->map.system[i];
        if (i >= count) {
            row->name = "?";
            continue;
        }
        codec_kept_text(codec, &row->name, &process->texts);
        CODEC_NUMBER(codec, row->virtual_bytes, UINT64_MAX);
        CODEC_NUMBER(codec, row->resident_bytes, UINT64_MAX);
        CODEC_NUMBER(codec, row->pss_bytes, UINT64_MAX);
        CODEC_NUMBER(codec, row->swap_bytes, UINT64_MAX);
    }
}

static void owners_visit(struct codec *codec, struct memory_map *map)
{
    CODEC_ITEMS(codec, map->owners, map->owner_count, map->owner_capacity, 1);
    for (size_t i = 0; i < map->owner_count; i++) {
        struct owner *owner = &map->owners[i];
        codec_text(codec, owner->name, sizeof(owner->name));
        CODEC_NUMBER(codec, owner->virtual_bytes, UINT64_MAX);
        CODEC_NUMBER(codec, owner->resident_bytes, UINT64_MAX);
        CODEC_NUMBER(codec, owner->anonymous_bytes, UINT64_MAX);
        codec_flag(codec, &owner->is_private);
    }
}

void map_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct memory_map *map = &subject->process->map;
    CODEC_NUMBER(codec, map->vsz_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, map->rss_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, map->pss_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, map->swap_bytes, UINT64_MAX);
    system_visit(codec, subject->process);
    owners_visit(codec, map);
    CODEC_NUMBER(codec, map->anonymous_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, map->unknown_bytes, UINT64_MAX);
    checks_visit(codec, &map->checks, subject->process);
}
