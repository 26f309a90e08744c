// Functions of the kernel that use an address while they run, and keep it nowhere. Each name is made
// from the kernel's source; a function that is not listed may keep the addresses that it gets. There
// are no patterns but for names that compilers make: `netdev_warn` prints, and
// `netdev_rx_handler_register` keeps.

import type { Registers } from '../arch/machine.js';
import { expandNames } from './names.js';
import { ARGUMENTS, FIRST, SECOND, THIRD } from './registers.js';

/** Locks and the like: their first argument is used, and what waits for it is on the stack. */
const locks = expandNames(`
  _raw_{spin,read,write}_{,try,un}lock{,_bh,_irq,_irqsave,_irqrestore,_nested,_irqsave_nested,_nest_lock}
  rt_spin_{,try,un}lock{,_bh,_nested,_nest_lock} rt_spin_lock_unlock
  rt_{read,write}_{,try,un}lock
  {,native_}queued_{spin,read,write}_lock_slowpath
  mutex_{,try,un}lock mutex_lock_{interruptible,killable,io}{,_nested} mutex_lock_nested _mutex_lock_nest_lock
  mutex_is_locked atomic_dec_and_mutex_lock
  rt_mutex_{,try,un}lock rt_mutex_lock_{interruptible,killable,nested}
  ww_mutex_{lock,unlock,trylock} ww_mutex_lock_interruptible
  down down_{interruptible,killable,trylock,timeout} up
  down_{read,write}{,_interruptible,_killable,_trylock,_nested,_killable_nested} _down_write_nest_lock
  up_{read,write} down_read_non_owner up_read_non_owner downgrade_write
  percpu_{down,up}_write __percpu_down_read
  complete complete_all complete_on_current_cpu completion_done try_wait_for_completion
  wait_for_completion{,_io,_interruptible,_killable}{,_timeout} wait_for_completion_state
  __wake_up{,_locked,_locked_key,_locked_key_bookmark,_locked_sync_key,_sync,_sync_key,_pollfree,_on_current_cpu}
  __wake_up_bit wake_up_bit wake_up_var
  swake_up_{one,all,locked,all_locked}
  finish_wait finish_swait init_wait_entry
  __wait_on_bit{,_lock} out_of_line_wait_on_bit{,_lock,_timeout}
  __srcu_read_{lock,unlock} ___ratelimit
  refcount_dec_{if_one,not_one,and_lock,and_lock_irqsave,and_mutex_lock,and_rtnl_lock} refcount_warn_saturate
  _atomic_dec_and_lock _atomic_dec_and_lock_irqsave
  percpu_counter_{add_batch,set,sync} __percpu_counter_{sum,compare}
  static_key_{enable,disable,slow_inc,slow_dec}{,_cpuslocked} static_key_{count,fast_inc_not_disabled}
  lock_{acquire,release,is_held_type}
`);

/** They copy, compare, search, print or read. */
const plain = expandNames(`
  {,_}printk {,_}printk_deferred vprintk vprintk_{emit,default,deferred} dev_{printk,vprintk}_emit _dev_printk
  _dev_{emerg,alert,crit,err,warn,notice,info} dev_err_probe
  netdev_{printk,emerg,alert,crit,err,warn,notice,info}
  __dynamic_{pr,dev,netdev,ibdev}_{debug,dbg} __warn_printk __WARN_trap panic dump_stack dump_stack_lvl print_hex_dump
  {,v}s{printf,nprintf,cnprintf,scanf} kasprintf kvasprintf
  seq_{printf,puts,putc,write,vprintf,escape_mem,pad,hex_dump} seq_put_{decimal_ll,decimal_ull,decimal_ull_width,hex_ll}
  __seq_puts sysfs_emit sysfs_emit_at
  {,__}mem{cpy,move,set} memset{16,32,64,_io} memcpy_{and_pad,toio,fromio,flushcache} __memcpy_flushcache
  mem{cmp,chr,chr_inv,scan,weight} kmemdup{,_nul,_noprof} memdup_user memdup_user_nul
  str{casecmp,cat,chr,chrnul,cmp,cpy,cspn,im,lcat,lcpy,len,ncasecmp,ncat,nchr,nchrnul,ncmp,ncpy,nlen,nstr,pbrk,rchr,replace,scpy,scpy_pad,sep,spn,str}
  sized_strscpy skip_spaces sysfs_streq string_{escape_mem,unescape,get_size}
  strncpy_from_{user,user_nofault,kernel_nofault} strnlen_user strndup_user
  kstr{dup,dup_const,ndup,tobool,toint,toll,tos16,tos8,tou16,tou8,touint,toull} _kstrto{l,ul}
  kstrto{bool,int,l,ll,s8,s16,u8,u16,uint,ul,ull}_from_user simple_strto{l,ll,ul,ull}
  match_string __sysfs_match_string match_token
  {,_,__}copy_{to,from}_user _copy_{to,from}_iter _copy_from_iter_nocache copy_{to,from}_user_nofault
  simple_read_from_buffer simple_write_to_buffer nla_put nla_policy_len
  __bitmap_{and,andnot,clear,complement,equal,intersects,or,or_equal,replace,set,shift_left,shift_right,subset,weight,weight_and,xor}
  bitmap_{parse,parse_user,parselist,parselist_user,print_to_pagebuf,cut,remap,onto,fold,bitremap}
  bitmap_{find_free_region,release_region,allocate_region,find_next_zero_area_off,from_arr32,to_arr32}
  _find_{first,next}_{bit,zero_bit,and_bit} _find_{last_bit,next_andnot_bit} __sw_hweight{32,64}
  crc{8,16,7_be,32_be,32_le,32c,_ccitt,_itu_t,_t10dif} __crc32c_le get_random_bytes
  sort sort_r list_sort bsearch __list_{add,del_entry}_valid{,_or_report}
  {klp,ksplice}_shadow_{alloc,get,get_or_alloc,free,free_all}
  proc_do{string,bool,intvec,uintvec,u8vec_minmax,intvec_minmax,uintvec_minmax,intvec_jiffies,intvec_userhz_jiffies}
  proc_do{intvec_ms_jiffies,intvec_ms_jiffies_minmax,ulongvec_minmax,ulongvec_ms_jiffies_minmax} proc_do_large_bitmap
`);

/** They end what others began, or take it out of a list. */
const ending = expandNames(`
  cancel_{work,delayed_work}{,_sync} hrtimer_try_to_cancel {,try_to_}del_timer try_to_del_timer_sync timer_delete
  flush_{work,delayed_work} __static_key_deferred_flush
  del_timer_sync timer_delete_sync timer_shutdown_sync hrtimer_cancel
  {atomic,blocking,raw,srcu}_notifier_chain_unregister unregister_{netdevice,inetaddr,inet6addr,die,reboot,oom,pm,module}_notifier
  unregister_{kprobe,kprobes,kretprobe,kretprobes,ftrace_function,shrinker}
  unregister_{sysctl_table,key_type,binfmt,nls,console} nf_unregister_net_hook{,s}
`);

/** For each of what there is, at once; a task that waits for that is on the stack. */
const iterating = expandNames(`
  {bus,class,driver}_for_each_{dev,drv,device} device_for_each_child{,_reverse} {,__}starget_for_each_device
  acpi_{bus_for_each_dev,dev_for_each_child} idr_for_each usb_for_each_dev i2c_for_each_dev pci_for_each_dma_alias
  iommu_group_for_each_dev input_handler_for_each_handle gen_pool_for_each_chunk
  neigh_for_each vlan_for_each sctp_for_each_endpoint vsock_for_each_connected_socket nexthop_for_each_fib6_nh
  iterate_{dir,fd,mounts,supers,supers_type} walk_page_{range,range_novma,range_vma,vma,mapping}
  netdev_walk_all_{lower_dev,lower_dev_rcu,upper_dev_rcu} stop_machine stop_machine_cpuslocked
`);

/** Compilers and alternatives: no functions of anybody's. Newer kernels warn with code of their own. */
const made = expandNames(
  'pv_ops __fentry__ __stack_chk_fail __SCT__might_resched __SCT__cond_resched __SCT__WARN_trap',
);

/** Families that compilers make, each of one kind. */
const families = [/^__(asan|kasan|ubsan|kcsan)_\w+$/, /^__sanitizer_\w+$/];

/** Functions that keep one of their arguments: those that they forget. */
const inPart: ReadonlyMap<string, Registers> = new Map([
  // The entry is in the list until somebody takes it out; the head is not kept.
  ...expandNames('prepare_to_wait{,_exclusive,_event} prepare_to_swait_{event,exclusive}').map(
    (name) => [name, FIRST] as const,
  ),
  // Where in the text the arguments were found.
  ['match_token', SECOND | THIRD],
]);

const forgetful = new Set([...locks, ...plain, ...ending, ...iterating, ...made]);

/** In which registers a function of the kernel gets addresses that it leaves nothing behind of. */
export function forgotten(name: string): Registers {
  const part = inPart.get(name);
  if (part !== undefined) return part;
  return forgetful.has(name) || families.some((family) => family.test(name)) ? ARGUMENTS : 0;
}

/** The name of the event, if a function calls its probes. They record what they are given, and print it. */
export function eventOf(name: string): string | undefined {
  return /^__(?:SCT__tp_func|traceiter)_(\w+)$/.exec(name)?.[1];
}

const copying: ReadonlyMap<string, Registers> = new Map([
  ...expandNames('{,__}mem{cpy,move} memcpy_{toio,flushcache} __memcpy_flushcache').map(
    (name) => [name, SECOND] as const,
  ),
  ...expandNames('kmemdup{,_noprof}').map((name) => [name, FIRST] as const),
  ['memcpy_and_pad', THIRD],
]);

/** In which register a function gets the address of what it copies, pointers with it. */
export function copySource(name: string): Registers {
  return copying.get(name) ?? 0;
}
