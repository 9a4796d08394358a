/*
 * Text for people: aligned columns, sizes in KiB/MiB/GiB, a heading, a little colour on a terminal (never when
 * NO_COLOR is set or stdout is a file). Every report prints through these few functions.
 */
#ifndef RESPIRE_RENDER_TEXT_H
#define RESPIRE_RENDER_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/checks.h"
#include "model/histogram.h"

enum { SIZE_TEXT_BYTES = 32, NAME_TEXT_BYTES = 640 };

/* "0", "812 B", "608 KiB", "12.4 MiB", "1.13 GiB": three figures, exact where they suffice. Returns `text`. */
const char *text_size(uint64_t bytes, char text[SIZE_TEXT_BYTES]);

/* "12,345,678". Returns `text`. */
const char *text_count(uint64_t count, char text[SIZE_TEXT_BYTES]);

/* "12.3 %"; "-" when `whole` is 0. Returns `text`. */
const char *text_share(uint64_t part, uint64_t whole, char text[SIZE_TEXT_BYTES]);

/*
 * A name from foreign memory, made fit for a terminal and for a document: control characters and what is not UTF-8
 * become "?". Longer ones are cut, with "..." at their end. Returns `text`.
 */
const char *text_name(const char *name, char text[NAME_TEXT_BYTES]);

/* "1 object", "2,345 objects": the count and the word in its number. Returns `text`. */
const char *text_number_of(uint64_t count, const char *word, char text[2 * SIZE_TEXT_BYTES]);

/* "1.5 s", "12 min", "3.0 h", "41 days". Returns `text`. */
const char *text_duration(double seconds, char text[SIZE_TEXT_BYTES]);

/* The one line that a reader in a hurry needs. */
void text_verdict(const char *format, ...) __attribute__((format(printf, 1, 2)));

void text_heading(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Blocks by size: how many are in use and how many are not, a row for each power of two that has any. */
void text_histograms(const char *title, const struct histogram *used, const struct histogram *unused);

/* A block of equations that hold, one a line; nothing else is ever shown. */
void text_checks(const struct checks *checks);

/* For `bytes` printed in place, as in printf("%s", SIZE(n)). */
#define SIZE(bytes) text_size(bytes, (char[SIZE_TEXT_BYTES]){0})
#define COUNT(count) text_count(count, (char[SIZE_TEXT_BYTES]){0})
#define SHARE(part, whole) text_share(part, whole, (char[SIZE_TEXT_BYTES]){0})
#define RESIDENT(known, bytes) ((known) ? SIZE(bytes) : "-") /* a core file does not tell what was resident */
#define DURATION(seconds) text_duration(seconds, (char[SIZE_TEXT_BYTES]){0})
#define NAME(name) text_name(name, (char[NAME_TEXT_BYTES]){0})
#define NUMBER_OF(count, word) text_number_of(count, word, (char[2 * SIZE_TEXT_BYTES]){0})

#endif
