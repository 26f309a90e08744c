// Functions of the kernel that keep the text that they are given, not a copy of it. Most copy it:
// kstrdup_const() and so kmem_cache_create(), clk_register(), kobject_add() and all that makes a file
// of sysfs or debugfs; alloc_workqueue() and kthread_create() print it into their own memory;
// register_blkdev() and register_chrdev() copy as much as they have room for. And what __mutex_init()
// and the like keep, if there is lockdep, is out by its key.

import type { Registers } from '../arch/machine.js';
import { eventOf } from './forgetting.js';
import { expandNames } from './names.js';
import { ARGUMENTS, FIFTH, FOURTH, SECOND, SIXTH } from './registers.js';

/** Interrupts, regions of memory, ports and DMA: the owner's name is what /proc shows. */
const owners = expandNames(`
  {,devm_}request_{threaded,any_context}_irq {,__}request_percpu_irq request_{nmi,percpu_nmi} irq_set_chip_and_handler_name
  __irq_set_handler {,devm_}irq_alloc_generic_chip __irq_alloc_domain_generic_chips request_dma
  __request_region __devm_request_region {,devm_}request_free_mem_region alloc_free_mem_region add_memory_driver_managed
  pci_request_{region,regions,selected_regions}{,_exclusive} pcim_request_{region,region_exclusive,all_regions}
  pcim_iomap_{region,regions,regions_request_all}
`);

/** What things of the kernel are called. */
const names = expandNames(`
  __cpuhp_setup_state{,_cpuslocked} {,__}class_create perf_pmu_register lc_create simple_attr_open
  lockdep_init_map_{type,waits} rpc_init_{,priority_}wait_queue rdma_restrack_set_name
  {,devm_}hwmon_device_register{,_with_groups,_with_info} hwmon_device_register_for_thermal
  pwm_{request,request_from_chip,get} devm_{pwm_get,fwnode_pwm_get} led_trigger_register_simple rfkill_set_led_trigger_name
  {,__}usb_create_{hcd,shared_hcd} edac_pci_create_generic_ctl edac_mc_handle_error dvb_register_adapter
  devlink_linecard_provision_set devl_{dpipe_table,resource}_register sdw_alloc_stream snd_seq_device_new
  phy_create_lookup regulator_register_supply_alias devm_regulator_register_supply_alias xenbus_watch_path
  drm_flip_work_init rndis_set_param_vendor osd_req_op_cls_init line6_send_raw_message_async
  __nvdimm_create intel_vsec_add_aux sof_client_dev_register simd_skcipher_create_compat azx_bus_init
  {hmc5843_common,bmc150_magn,bmp280_common,ms5611,mpl115,bma400,adxl372,kxsd9_common,ad5686,ad5592r,ad7606,ad7091r}_probe
  {mma7455,bmc150_accel,bmg160,fxas21002c,fxos8700,bmi160,inv_mpu}_core_probe
  cs_dsp_{,adsp1_}power_up pinctrl_utils_add_map_{mux,configs}
`);

/** Drivers: the name of their module. */
const drivers = expandNames(`
  __{pci,hid,serio,gameport,parport,auxiliary,cxl,dax,nd,idxd,hda_codec}_{register_driver,driver_register}
  __vmbus_driver_register xenbus_register_driver_common __xenbus_register_{frontend,backend}
  usb_register_driver usb_serial_register_drivers usb_gadget_register_driver_owner
  __rmi_register_function_handler __ntb_register_client __pci_hp_{initialize,register}
`);

/** What they are told is read later: by whoever asks for the last error, by a trace, by a program that is started. */
const later = expandNames(`
  __ext4_{error,error_inode,error_file,std_error,grp_locked_error}
  __trace_bputs __trace_bprintk __ftrace_vbprintk trace_vbprintk
  call_usermodehelper{,_setup}
`);

/** They copy the name, and keep what they are to hand on. */
const handedOn: readonly (readonly [string, Registers])[] = [
  ['kthread_create_on_node', SECOND],
  ['kthread_create_on_cpu', SECOND],
  ['proc_mkdir_data', FOURTH],
  ['proc_create_data', FIFTH],
  ['proc_create_single_data', FIFTH],
  ['proc_create_net_single', FIFTH],
  ['proc_create_seq_private', SIXTH],
  ['proc_create_net_data', SIXTH],
  ['debugfs_create_file', FOURTH],
  ['debugfs_create_file_unsafe', FOURTH],
  ['debugfs_create_file_size', FOURTH],
  ['device_create', FOURTH],
  ['device_create_with_groups', FOURTH],
  ['thermal_cooling_device_register', SECOND],
];

const keeping: ReadonlyMap<string, Registers> = new Map([
  ...[...owners, ...names, ...drivers, ...later].map((name) => [name, ARGUMENTS] as const),
  ...handedOn,
]);

/** In which registers a function keeps the address of text, or may. */
export function keptText(name: string): Registers {
  return keeping.get(name) ?? (eventOf(name) === undefined ? 0 : ARGUMENTS);
}
