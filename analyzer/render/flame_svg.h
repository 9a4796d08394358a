/*
 * Paths as a flame graph: one SVG with nothing outside itself. A frame is a step, as wide as what is reached through
 * it; the root is on top. Frames narrower than a pixel are left out. A click on a frame spreads it over the picture.
 */
#ifndef RESPIRE_RENDER_FLAME_SVG_H
#define RESPIRE_RENDER_FLAME_SVG_H

#include "base/error.h"
#include "render/lua_report.h"

/* All states of the process side by side, on standard output. */
struct error *flame_svg_print(const struct lua_report *report);

#endif
