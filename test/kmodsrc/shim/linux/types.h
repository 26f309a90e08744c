/* The kernel's types, for the interpreter compiled in user space. */
#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
