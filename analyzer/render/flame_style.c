#include "render/flame_style.h"

#include <stdio.h>
#include <string.h>

static const struct kind {
    const char *class;
    const char *colour, *meaning;
    const char *beginnings[7]; /* of the names of such steps; none: those that no other row knows */
} kinds[] = {
    {"r", "#cfd4da", "root", {0}},
    {"k", "#f2b56b", "field", {".", "[\""}},
    {"i", "#f6d787", "item of a table, key", {"[", "(keys)"}},
    {"u", "#9ccf9c", "upvalue", {"upvalue"}},
    {"c", "#ec9f9a", "coroutine, local variable",
        {"coroutine", "ended coroutine", "running", "main thread", "local", "temporary", "("}},
    {"m", "#c3aee3", "metatable, environment", {"metatable", "environment"}},
    {"o", "#9fc5e8", "function, constant, other", {0}},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), BEGINNINGS = sizeof(kinds[0].beginnings) / sizeof(char *) };

const char *flame_kind(const char *name, unsigned depth)
{
    if (depth < 2)
        return kinds[0].class;
    if (*name == '.' && name[strlen(name) - 1] == ')')
        return kinds[KINDS - 1].class; /* ".handler (app/router.lua:42)": a function, and where it is */
    for (size_t i = 1; i < KINDS; i++)
        for (size_t j = 0; j < BEGINNINGS && kinds[i].beginnings[j]; j++)
            if (strncmp(name, kinds[i].beginnings[j], strlen(kinds[i].beginnings[j])) == 0)
                return kinds[i].class;
    return kinds[KINDS - 1].class;
}

/* Spreads the frame that was clicked over the whole width; its ancestors too, paler; hides what lies beside it. */
static const char script[] =
    "<script><![CDATA[\n"
    "const WIDTH = 1200, LETTER = 7.25;\n"
    "const frames = [...document.querySelectorAll('g.f')].map(g => {\n"
    "  const rect = g.querySelector('rect');\n"
    "  return {g, rect, text: g.querySelector('text'), name: g.dataset.n,\n"
    "    x: +rect.getAttribute('x'), y: +rect.getAttribute('y'), width: +rect.getAttribute('width')};\n"
    "});\n"
    "function label(name, width) {\n"
    "  const room = Math.floor((width - LETTER) / LETTER);\n"
    "  return room < 3 ? '' : name.length > room ? name.slice(0, room - 1) + '\\u2026' : name;\n"
    "}\n"
    "function spread(to) {\n"
    "  const scale = WIDTH / to.width;\n"
    "  for (const f of frames) {\n"
    "    const left = (f.x - to.x) * scale, right = left + f.width * scale;\n"
    "    const above = f.y < to.y, visible = right > 1 && left < WIDTH - 1 && (!above || left < 1);\n"
    "    f.g.style.display = visible && !(above && right < WIDTH - 1) ? '' : 'none';\n"
    "    f.g.style.opacity = above ? 0.55 : 1;\n"
    "    const x = Math.max(0, left), width = Math.min(WIDTH, right) - x;\n"
    "    f.rect.setAttribute('x', x);\n"
    "    f.rect.setAttribute('width', Math.max(0, width));\n"
    "    f.text.setAttribute('x', x + 4);\n"
    "    f.text.textContent = label(f.name, width);\n"
    "  }\n"
    "}\n"
    "for (const f of frames) f.g.addEventListener('click', () => spread(f));\n"
    "]]></script>\n";

void flame_style_print(void)
{
    puts("<style>\n"
         "svg { background: #fff; font: 12px ui-monospace, \"DejaVu Sans Mono\", Menlo, Consolas, monospace; }\n"
         "text { fill: #22262b; pointer-events: none; white-space: pre; }\n"
         ".h { font: bold 16px system-ui, sans-serif; } .n, .l { font: 12px system-ui, sans-serif; }\n"
         ".n, .l { fill: #5c6670; }\n"
         ".f { cursor: pointer; } .f rect { stroke: #fff; stroke-width: .6; rx: 2px; }\n"
         ".f:hover rect { stroke: #22262b; stroke-width: 1; }");
    for (size_t i = 0; i < KINDS; i++)
        printf(".%s rect, rect.%s { fill: %s; }\n", kinds[i].class, kinds[i].class, kinds[i].colour);
    puts("</style>");
}

void flame_script_print(void)
{
    fputs(script, stdout);
}

void flame_legend_print(unsigned y_pixels)
{
    unsigned x = 4;
    for (size_t i = 0; i < KINDS; i++) {
        printf("<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"12\" height=\"12\" rx=\"2\"/>"
               "<text class=\"l\" x=\"%u\" y=\"%u\">%s</text>\n",
            kinds[i].class, x, y_pixels, x + 17, y_pixels + 10, kinds[i].meaning);
        x += 17 + 22 + (unsigned)strlen(kinds[i].meaning) * 7;
    }
}
