/* Tasks with numbers 0, 1, 2, ... shared out among threads, each of which has some memory of its own.

   A task writes to places of its own, so that results do not depend on the number of threads. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MOST_THREADS 64

typedef void (*Task)(const void *job, long task, void *scratch);
typedef struct {
    const void *job;
    Task run;
    long tasks;
    size_t scratch_bytes;
    atomic_long next;
    atomic_int failed;
} Queue;

static void *work(void *argument) {
    Queue *queue = argument;
    void *scratch = malloc(queue->scratch_bytes);
    if (!scratch) {
        atomic_store(&queue->failed, 1);
        return NULL;
    }
    for (long task; (task = atomic_fetch_add(&queue->next, 1)) < queue->tasks;) queue->run(queue->job, task, scratch);
    free(scratch);
    return NULL;
}

/* Returns 0, or 1 where there is no memory. */
static int run_all(const void *job, Task run, long tasks, long threads, size_t scratch_bytes) {
    Queue queue = {job, run, tasks, scratch_bytes, 0, 0};
    pthread_t others[MOST_THREADS];
    long wanted = threads < tasks ? threads : tasks, started = 0;
    wanted = wanted > MOST_THREADS ? MOST_THREADS : wanted;
    while (started < wanted - 1 && !pthread_create(&others[started], NULL, work, &queue)) started++;
    work(&queue);
    for (long i = 0; i < started; i++) pthread_join(others[i], NULL);
    return atomic_load(&queue.failed);
}
