/*
 * What the JSON documents of docs/JSON.md are built from, with jansson. Every function returns a new reference, or NULL
 * when out of memory; json_print() writes one document to stdout and releases it. Integers are bytes or counts; a
 * 64-bit size above 2^63 can't occur in user space.
 */
#ifndef RESPIRE_RENDER_JSON_H
#define RESPIRE_RENDER_JSON_H

#include <jansson.h>

#include "base/error.h"
#include "model/histogram.h"
#include "model/process.h"

json_t *json_checks(const struct checks *checks);

/* A list of {low, high, count, bytes}; bins without a block are left out. */
json_t *json_histogram(const struct histogram *histogram);

/* null where residency is not known, as in a core file: the key is there, and says so. */
json_t *json_resident(bool has_residency, uint64_t bytes);

/* How the process was looked at, as key `look` of the document. */
void json_add_look(json_t *document, const struct process *process);

/* A count or a size. */
json_t *json_number(uint64_t value);

/* A name from foreign memory, made fit for a document. */
json_t *json_name(const char *name);

/* "0x7f12…": addresses are text, because JSON numbers are not exact up there. */
json_t *json_address(address_t address);

/* An empty document that begins with its schema, "respire.NAME/1". */
json_t *json_document(const char *name);

/* Consumes `document`, which may be NULL (out of memory). */
struct error *json_print(json_t *document);

#endif
