/* How a flame graph looks, and what it does at a click: colours by the kind of a step, a legend, a little script. */
#ifndef RESPIRE_RENDER_FLAME_STYLE_H
#define RESPIRE_RENDER_FLAME_STYLE_H

enum { FLAME_WIDTH_PIXELS = 1200 };

/* The class of a step, by its name and its distance from the root. */
const char *flame_kind(const char *name, unsigned depth);

void flame_style_print(void);
void flame_legend_print(unsigned y_pixels);

/* Behind all frames: it looks for them when it is read. */
void flame_script_print(void);

#endif
