// Functions of the kernel that use an address while they run, and keep it nowhere. Each line is
// made from the kernel's source. A function that is not listed may keep the addresses that it
// gets.

/** Locks and the like: their first argument is used, and what waits for it is on the stack. */
const locks = [
  /^(__|___)?(raw_)?(_raw_)?(spin|read|write)_(try)?(un)?lock(_\w+)?$/,
  /^(__)?(rt_)?(mutex|ww_mutex)_(try)?(un)?lock(_\w+)?$/,
  /^(rt_spin|rt_read|rt_write)_(try)?(un)?lock(_\w+)?$/,
  /^(__)?(down|up)(_read|_write)?(_\w+)?$/,
  /^(queued|native_queued)_(spin|read|write)_(un)?lock(_\w+)?$/,
  /^(complete|complete_all|completion_done|try_wait_for_completion|wait_for_completion(_\w+)?)$/,
  /^(__)?s?wake_up(_\w+)?$/,
  /^(prepare_to_(s?wait)(_\w+)?|finish_s?wait|init_wait_entry)$/,
  /^(__)?srcu_read_(un)?lock(_\w+)?$/,
  /^(___)?ratelimit(_\w+)?$|^___ratelimit$/,
  /^refcount_\w+$|^percpu_counter_(add|sub|set|inc|dec)(_\w+)?$|^__percpu_counter_(sum|compare)$/,
  /^static_key_(\w+)$|^__static_key_(\w+)$|^jump_label_\w+$/,
];

/** They copy, compare, print or read. */
const plain = [
  /^_?printk(_\w+)?$|^_dev_\w+$|^dev_printk(_\w+)?$|^netdev_\w+$|^__dynamic_\w+_dbg$|^__dynamic_pr_debug$/,
  /^__warn_printk$|^panic$|^(__)?dump_stack\w*$|^print_hex_dump(_\w+)?$/,
  /^v?s(c?n)?printf$|^v?sscanf$|^seq_(printf|puts|putc|write|vprintf|put_\w+)$|^sysfs_emit(_at)?$/,
  /^(__)?mem(cpy|move|set|cmp|chr|chr_inv|scan|dup|weight)\w*$|^kmemdup(_\w+)?$/,
  /^(__)?str\w+$|^kstr\w+$|^simple_strto\w+$|^match_(string|token)$/,
  /^_?copy_(to|from)_user\w*$|^_copy_\w+$|^simple_(read_from|write_to)_buffer$/,
  /^(__)?bitmap_\w+$|^_?find_\w*bit\w*$|^(__)?sw_hweight\d+$|^crc\w+$|^get_random_bytes$/,
  /^sort(_r)?$|^list_sort$|^bsearch$|^__list_(add|del_entry)_valid(_or_report)?$/,
  /^(klp|ksplice)_shadow_\w+$/,
  /^proc_do\w+$|^(__)?nla_(parse|validate|policy_len)(_\w+)?$/,
  // Tracepoints: probes read what they are given.
  /^__SCT__tp_func_\w+$|^__traceiter_\w+$|^__SCT__(might|cond)_resched$/,
  // They end what others began, and wait for it.
  /^(cancel|flush)_(delayed_)?work\w*$|^(try_to_)?(del_timer|timer_delete)\w*$|^hrtimer_(try_to_)?cancel$/,
  /^unregister_\w+$|^(\w+_)?notifier_chain_unregister$|^\w*_unregister(_\w+)?$/,
  // For each of what there is, at once; a task that waits for that is on the stack.
  /^\w+_for_each(_\w+)?$|^walk_page_\w+$|^iterate_\w+$|^stop_machine(_\w+)?$|^__wait_on_bit(_lock)?$/,
  // Undo waits for the callbacks of RCU (rcu_barrier()) before anything is unloaded.
  /^call_rcu(_hurry)?$|^kvfree_call_rcu$/,
  // Compilers and alternatives: no functions of anybody's.
  /^__(asan|kasan|ubsan|kcsan)_\w+$|^__sanitizer_\w+$|^lock_(acquire|release|is_held_type)$/,
  /^pv_ops$|^__fentry__$|^__stack_chk_fail$/,
];

const lists = [...locks, ...plain];

/** Functions that keep the text that they are given, not a copy of it. */
const keepText = [
  /^request_(threaded|any_context|percpu)_irq$|^__request_(percpu_)?irq$/,
  /^__request_region$/,
];

/**
 * Whether a function of the kernel leaves nothing behind of an address that it gets.
 * @param name of the function
 * @param isText whether the address is that of a string or an unnamed constant, which hardly anybody
 *   keeps: they are printed, compared and copied
 */
export function forgets(name: string, isText: boolean): boolean {
  if (isText) return !keepText.some((pattern) => pattern.test(name));
  return lists.some((pattern) => pattern.test(name));
}
