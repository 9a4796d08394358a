#include "render/flame_svg.h"

#include <errno.h>
#include <stdio.h>

#include "render/flame_style.h"
#include "render/text.h"

enum { ROW_PIXELS = 20, TOP_PIXELS = 78, FOOT_PIXELS = 12, DEPTH_MAX = PATH_TREE_DEPTH_MAX + 2, TITLE_STEPS = 12 };

#define SMALLEST_PIXELS 0.8
#define LETTER_PIXELS 7.25 /* of the monospaced font, a little more than it takes */

/* One picture in the making. */
struct flame {
    const struct path_tree *tree; /* of the state being drawn */
    uint64_t whole_bytes;         /* of all states */
    double left_pixels;           /* where this state begins */
    unsigned first_row;           /* 1 when a row for all states stands above */
};

static double width_of(const struct flame *flame, uint64_t bytes)
{
    return flame->whole_bytes ? (double)bytes / (double)flame->whole_bytes * FLAME_WIDTH_PIXELS : FLAME_WIDTH_PIXELS;
}

static void print_escaped(const char *text, size_t letters)
{
    for (; *text && letters; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", stdout);
            break;
        case '>':
            fputs("&gt;", stdout);
            break;
        case '&':
            fputs("&amp;", stdout);
            break;
        case '"':
            fputs("&quot;", stdout);
            break;
        default:
            putchar(*text);
        }
        letters -= (text[1] & 0xc0) != 0x80; /* a letter ends where the next one begins */
    }
}

static size_t letters_in(const char *text)
{
    size_t letters = 0;
    for (; *text; text++)
        letters += (*text & 0xc0) != 0x80;
    return letters;
}

/* The way to a step, in its own title: the last steps of it when it is long. */
static void print_way(const struct flame *flame, uint32_t node)
{
    uint32_t steps[TITLE_STEPS];
    size_t count = 0;
    for (; node != PATH_NODE_NONE && count < TITLE_STEPS; node = flame->tree->nodes[node].parent)
        steps[count++] = node;
    if (node != PATH_NODE_NONE)
        fputs("... ", stdout);
    else if (count > 1)
        count--; /* "all" goes without saying */
    for (size_t i = count; i--;) {
        const char *name = NAME(path_tree_name(flame->tree, steps[i]));
        if (i + 1 < count && *name != '.' && *name != '[')
            fputs(" &gt; ", stdout);
        print_escaped(name, SIZE_MAX);
    }
}

static void begin_frame(const char *kind, double x, double width, unsigned row, const char *name)
{
    printf("<g class=\"f %s\" data-n=\"", kind);
    print_escaped(name, SIZE_MAX);
    printf("\"><rect x=\"%.3f\" y=\"%u\" width=\"%.3f\" height=\"%u\"/>", x, TOP_PIXELS + row * ROW_PIXELS, width,
        ROW_PIXELS - 1);
    size_t room = width > 3 * LETTER_PIXELS ? (size_t)((width - LETTER_PIXELS) / LETTER_PIXELS) : 0;
    size_t letters = letters_in(name);
    printf("<text x=\"%.2f\" y=\"%u\">", x + 4, TOP_PIXELS + row * ROW_PIXELS + 14);
    if (room) {
        print_escaped(name, letters > room ? room - 1 : letters);
        if (letters > room)
            fputs("\xe2\x80\xa6", stdout);
    }
    fputs("</text><title>", stdout);
}

static void end_frame(const struct flame *flame, uint64_t bytes, uint64_t objects)
{
    printf("\n%s (%s of what is reachable), %s</title></g>\n", SIZE(bytes), SHARE(bytes, flame->whole_bytes),
        NUMBER_OF(objects, "object"));
}

static void print_step(const struct flame *flame, uint32_t node, double x, unsigned depth)
{
    const struct path_node *step = &flame->tree->nodes[node];
    const char *name = NAME(path_tree_name(flame->tree, node));
    begin_frame(flame_kind(name, depth), x, width_of(flame, step->total_bytes), flame->first_row + depth, name);
    print_way(flame, node);
    end_frame(flame, step->total_bytes, step->total_objects);
    for (uint32_t child = step->first_child; child != PATH_NODE_NONE && depth + 1 < DEPTH_MAX;
         child = flame->tree->nodes[child].next_sibling) {
        double width = width_of(flame, flame->tree->nodes[child].total_bytes);
        if (width < SMALLEST_PIXELS)
            break;
        print_step(flame, child, x, depth + 1);
        x += width;
    }
}

/* How many rows the frames below a step take. */
static unsigned rows_of(const struct flame *flame, uint32_t node, unsigned depth)
{
    unsigned rows = depth + 1;
    for (uint32_t child = flame->tree->nodes[node].first_child; child != PATH_NODE_NONE && depth + 1 < DEPTH_MAX;
         child = flame->tree->nodes[child].next_sibling) {
        if (width_of(flame, flame->tree->nodes[child].total_bytes) < SMALLEST_PIXELS)
            break;
        unsigned below = rows_of(flame, child, depth + 1);
        rows = below > rows ? below : rows;
    }
    return rows;
}

static void print_head(const struct lua_report *report, const struct flame *flame, uint64_t objects, unsigned rows)
{
    unsigned height = TOP_PIXELS + rows * ROW_PIXELS + FOOT_PIXELS;
    printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\">\n",
        FLAME_WIDTH_PIXELS, height, FLAME_WIDTH_PIXELS, height);
    flame_style_print();
    fputs("<text class=\"h\" x=\"4\" y=\"24\">", stdout);
    if (report->process->pid)
        printf("%d ", report->process->pid);
    print_escaped(NAME(report->name), SIZE_MAX);
    printf(": %s reachable in Lua, by the path that holds it</text>\n", SIZE(flame->whole_bytes));
    printf("<text class=\"n\" x=\"4\" y=\"44\">%s; each byte once; click a frame to spread it, the top row to go back"
           "</text>\n", NUMBER_OF(objects, "object"));
    flame_legend_print(TOP_PIXELS - 24);
}

struct error *flame_svg_print(const struct lua_report *report)
{
    struct flame flame = {.first_row = report->process->state_count > 1};
    uint64_t objects = 0;
    for (size_t i = 0; i < report->process->state_count; i++) {
        flame.whole_bytes += report->holders[i].live_bytes;
        objects += report->holders[i].live_objects;
    }
    unsigned rows = 1;
    for (size_t i = 0; i < report->process->state_count; i++) {
        flame.tree = &report->holders[i].references;
        unsigned below = flame.tree->count ? flame.first_row + rows_of(&flame, 0, 0) : 0;
        rows = below > rows ? below : rows;
    }
    print_head(report, &flame, objects, rows);
    if (flame.first_row) {
        begin_frame("r", 0, FLAME_WIDTH_PIXELS, 0, "all states");
        fputs("all states", stdout);
        end_frame(&flame, flame.whole_bytes, objects);
    }
    for (size_t i = 0; i < report->process->state_count; i++) {
        flame.tree = &report->holders[i].references;
        if (flame.tree->count)
            print_step(&flame, 0, flame.left_pixels, 0);
        flame.left_pixels += width_of(&flame, report->holders[i].live_bytes);
    }
    flame_script_print();
    puts("</svg>");
    if (fflush(stdout) || ferror(stdout))
        return error_errno(ERROR_FAILED, errno, "cannot write to standard output");
    return NULL;
}
