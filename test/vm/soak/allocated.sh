# What the kernel has allocated: for each caller of kmalloc() the objects that it has, and what
# vmalloc() has given. Who allocates is known to a kernel that was booted with slub_debug=U.

traces='/sys/kernel/debug/slab/kmalloc-*/alloc_traces'

# The first to read them has the kernel allocate something for each, for good.
start_counting() { cat $traces >/dev/null; }

# What counts is what is left when all caches are empty and the load stands still. Of several
# looks the least is told. The kernel frees much of it in batches, some seconds later: nodes of open files
# in sysfs, for example (kfree_rcu()).
allocated() {
	local cache
	sync
	for _ in 1 2 3 4 5 6; do
		echo 3 >/proc/sys/vm/drop_caches
		# KASAN keeps what was freed until then.
		for cache in /sys/kernel/slab/kmalloc-*/shrink; do echo 1 >"$cache"; done
		sleep 2
		echo look
		awk 'NF > 1 { split(FILENAME, part, "/"); print "slab", part[6], $2, $1 }' $traces
		# Stacks come and go with the load's processes.
		awk '!/dup_task_struct|alloc_thread_stack|copy_process/ { sum += $2 } END { print "vmalloc", sum }' /proc/vmallocinfo
	done
}
