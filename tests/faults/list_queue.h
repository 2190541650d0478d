/* A host's queue on memory of its own, from the failing allocator. */
#ifndef OPTLY_FAULTS_LIST_QUEUE_H
#define OPTLY_FAULTS_LIST_QUEUE_H

#include <optly/event.h>

typedef struct list_node {
    optly_user_event *event;
    struct list_node *next;
} list_node;

/* Begins zeroed; its destroy leaves it so. */
typedef struct list_queue {
    list_node *first;
    size_t count;
} list_queue;

extern const optly_queue_ops list_queue_ops;

#endif
