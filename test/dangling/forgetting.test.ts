// Names of functions that forget, and of some that look like them and keep.

import { describe, expect, it } from 'vitest';
import { copySource, forgotten } from '../../src/dangling/forgetting.js';
import { keptText } from '../../src/dangling/kept-text.js';
import { expandNames } from '../../src/dangling/names.js';
import { ARGUMENTS, FIRST, SECOND } from '../../src/dangling/registers.js';
import { returnedArgument } from '../../src/dangling/returning.js';

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

/** Each is called like a function that forgets. */
const KEEPS = words(`
  netdev_rx_handler_register netdev_set_default_ethtool_ops netdev_class_create_file_ns netdev_register_kobject
  netdev_master_upper_dev_link netdev_upper_dev_link
  strp_init strp_unpause stream_open strict_work_handler
  __static_key_slow_dec_deferred jump_label_rate_limit jump_label_update_timeout jump_label_init_module
  unregister_netdevice_queue unregister_filesystem device_unregister class_unregister driver_unregister
  register_for_each_vma register_netdevice_notifier atomic_notifier_chain_register
  init_wait_var_entry add_wait_queue add_wait_queue_exclusive __init_waitqueue_head
  iterate_folioq idr_alloc proc_do_static_key proc_do_cad_pid proc_dointvec_minmax_bpf_enable
  __nla_parse __nla_validate kvfree_call_rcu call_rcu call_rcu_hurry call_srcu call_rcu_tasks
  lock_sock_nested lock_rename lock_page_memcg refcount_dec_and_unknown bitmap_alloc
  seq_open seq_release seq_list_start __seq_open_private list_lru_add __percpu_counter_init
  mod_timer timer_setup add_timer hrtimer_start_range_ns hrtimer_init queue_work_on queue_delayed_work_on
  schedule_timeout mutex_init __mutex_init __init_rwsem init_srcu_struct kthread_create_on_node
  memcpy_sglist crypto_register_alg crc_pwm_apply sort_main_extable copy_process
  klp_shadow_register printk_index_subsys printk_safe_enter wake_up_klogd_work_func
  up_and_running down_stream
`);

describe('functions that forget', () => {
  it.each(KEEPS)('%s is not one', (name) => {
    expect(forgotten(name)).toBe(0);
  });

  it('are locks, printing, copying and searching', () => {
    const some =
      'mutex_lock _raw_spin_lock_irqsave down_read up_write complete_all _printk netdev_warn memcmp bsearch sort';
    for (const name of [...words(some), 'strscpy', 'seq_printf', '__ubsan_handle_out_of_bounds']) {
      expect(forgotten(name)).toBe(ARGUMENTS);
    }
  });

  it('are what warns: it gets the place of its entry in the table of bugs', () => {
    for (const name of ['__warn_printk', '__WARN_trap', '__SCT__WARN_trap']) {
      expect(forgotten(name)).toBe(ARGUMENTS);
    }
  });

  it('forget the head of a queue, not the entry', () => {
    for (const name of expandNames('prepare_to_{wait,wait_event,swait_event}')) {
      expect(forgotten(name)).toBe(FIRST);
    }
  });

  it('may return what they were given, or copy it', () => {
    expect(returnedArgument('bsearch')).toBe(SECOND);
    for (const name of expandNames('str{chr,str,rchr,im} memchr skip_spaces memcpy')) {
      expect(returnedArgument(name)).toBe(FIRST);
    }
    expect(returnedArgument('strlen')).toBe(0);
    expect(copySource('memcpy')).toBe(SECOND);
    expect(copySource('kmemdup')).toBe(FIRST);
    expect(copySource('memcpy_sglist')).toBe(0);
  });
});

describe('functions that keep text', () => {
  it.each(
    expandNames(`
      {,devm_}request_{threaded,any_context}_irq __request_percpu_irq request_nmi irq_set_chip_and_handler_name
      __irq_set_handler __request_region pci_request_{region,regions,selected_regions} pcim_iomap_regions
      __cpuhp_setup_state{,_cpuslocked} {,__}class_create perf_pmu_register lockdep_init_map_type request_dma
      __pci_register_driver __auxiliary_driver_register __ext4_error simple_attr_open call_usermodehelper
    `),
  )('%s', (name) => {
    expect(keptText(name)).toBe(ARGUMENTS);
  });

  it.each(
    expandNames(`
      _printk kmem_cache_create alloc_workqueue proc_create kobject_init_and_add register_blkdev __register_chrdev
      debugfs_create_{dir,u32} __register_sysctl_table dma_pool_create clk_register clkdev_create trace_seq_printf
      __mutex_init __init_waitqueue_head kstrdup_const seq_puts nla_put
    `),
  )('%s copies it, or prints it', (name) => {
    expect(keptText(name)).toBe(0);
  });

  it('may copy the name only', () => {
    expect(keptText('kthread_create_on_node')).toBe(SECOND);
  });
});
