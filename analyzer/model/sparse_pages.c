#include "model/sparse_pages.h"

#include <stdlib.h>

void sparse_pages_free(struct sparse_pages *pages)
{
    free(pages->addresses);
    free(pages->free_bytes);
    free(pages->first_entries);
    free(pages->objects);
    free(pages->object_bytes);
    *pages = (struct sparse_pages){0};
}
