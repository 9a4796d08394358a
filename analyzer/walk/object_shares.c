#include "walk/object_shares.h"

#include <pthread.h>
#include <unistd.h>

#include "base/size.h"

enum { OBJECTS_PER_WORKER_MIN = 100000 }; /* for fewer, a thread costs more than it saves */

unsigned object_shares(object_id objects)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t wanted = size_min(objects / OBJECTS_PER_WORKER_MIN + 1, processors > 0 ? (uint64_t)processors : 1);
    return (unsigned)size_min(wanted, OBJECT_SHARES_MAX);
}

struct object_share object_share(object_id objects, unsigned number, unsigned count)
{
    return (struct object_share){
        (object_id)((uint64_t)objects * number / count),
        (object_id)((uint64_t)objects * (number + 1) / count),
    };
}

void object_shares_run(void *(*work)(void *worker), void *workers, size_t worker_bytes, unsigned count)
{
    pthread_t threads[OBJECT_SHARES_MAX];
    bool threaded[OBJECT_SHARES_MAX] = {false};
    char *first = workers;
    for (unsigned i = 1; i < count; i++)
        threaded[i] = pthread_create(&threads[i], NULL, work, first + i * worker_bytes) == 0;
    for (unsigned i = 0; i < count; i++)
        if (!threaded[i])
            work(first + i * worker_bytes);
    for (unsigned i = 1; i < count; i++)
        if (threaded[i])
            pthread_join(threads[i], NULL);
}
