#include <string.h>

#include "document_private.h"

size_t text_line_end(const char *text, size_t len, size_t at)
{
    const char *newline = memchr(text + at, '\n', len - at);

    return newline != NULL ? (size_t)(newline - text) + 1 : len;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\n')
            return false;
    }
    return true;
}

/* The fence that a line opens or closes ("```" or "~~~"): its character, or 0. */
static char fence_of(const char *line, size_t len)
{
    size_t indent = 0;

    while (indent < len && indent < 4 && line[indent] == ' ')
        indent++;
    if (indent > 3 || len - indent < 3)
        return 0;
    if (memcmp(line + indent, "```", 3) == 0 || memcmp(line + indent, "~~~", 3) == 0)
        return line[indent];
    return 0;
}

char text_open_fence(const char *text, size_t len)
{
    char fence = 0;

    for (size_t at = 0; at < len;) {
        size_t end = text_line_end(text, len, at);
        char mark = fence_of(text + at, end - at);

        if (mark != 0 && (fence == 0 || fence == mark))
            fence = fence == 0 ? mark : 0;
        at = end;
    }
    return fence;
}

/* The level of the heading that a line is, 1 or 2, with its text; 0 when it is none. */
static unsigned heading_of(const char *line, size_t len, struct section *out)
{
    unsigned level = 0;

    while (level < len && line[level] == '#')
        level++;
    if (level == 0 || level > 2 || level == len || (line[level] != ' ' && line[level] != '\t'))
        return 0;
    out->heading = line + level;
    out->heading_len = len - level;
    while (out->heading_len > 0 && strchr(" \t\r\n#", out->heading[out->heading_len - 1]) != NULL)
        out->heading_len--;
    while (out->heading_len > 0 && strchr(" \t", out->heading[0]) != NULL) {
        out->heading++;
        out->heading_len--;
    }
    return level;
}

/* Takes blank lines off both ends. */
static void trim(struct section *out)
{
    while (out->text_len > 0) {
        size_t end = text_line_end(out->text, out->text_len, 0);

        if (!is_blank(out->text, end))
            break;
        out->text += end;
        out->text_len -= end;
    }
    while (out->text_len > 0 && strchr(" \t\r\n", out->text[out->text_len - 1]) != NULL)
        out->text_len--;
}

bool section_next(struct section *out, const char *text, size_t len, size_t *at, unsigned *line)
{
    struct section ignored;
    char fence = 0;

    *out = (struct section){.line = *line};
    if (*at >= len)
        return false;
    out->level = heading_of(text + *at, text_line_end(text, len, *at) - *at, out);
    if (out->level > 0) {
        *at = text_line_end(text, len, *at);
        (*line)++;
    }
    out->text = text + *at;
    while (*at < len) {
        size_t end = text_line_end(text, len, *at);
        char mark = fence_of(text + *at, end - *at);

        if (fence == 0 && heading_of(text + *at, end - *at, &ignored) > 0)
            break;
        if (mark != 0 && (fence == 0 || fence == mark))
            fence = fence == 0 ? mark : 0;
        *at = end;
        (*line)++;
    }
    out->text_len = (size_t)(text + *at - out->text);
    trim(out);
    return true;
}
