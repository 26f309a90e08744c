// Functions of the kernel that copy what an argument leads to. If a table is handed to one
// of them, a later change of the table does not reach the copy: the copy keeps the old
// content. Each was read in the source of 6.1, and copies the same in later ones. Functions
// that copy in some releases only (thermal_zone_device_register_with_trips(), since 6.9), or
// that keep a pointer (proc_create(), register_sysctl(), genl_register_family()), are not in
// here.

/** What the argument leads to, what the pointers in that lead to, or both. */
export type CopiedWhat = 'itself' | 'inside' | 'both';

/** How an argument is copied. */
export interface Copied {
  /** Which argument, from 0; the first six are in registers. */
  readonly argument: number;
  readonly what: CopiedWhat;
}

/** By function: the arguments that it copies. */
const ITSELF: Readonly<Record<string, readonly number[]>> = {
  // The plain ones: what they copy, they copy for their caller.
  kmemdup: [0],
  kmemdup_noprof: [0],
  kmemdup_array: [0],
  kvmemdup: [0],
  devm_kmemdup: [1],
  devm_kmemdup_array: [1],
  memcpy: [1],
  __memcpy: [1],
  __asan_memcpy: [1],
  memmove: [1],
  // net/netfilter: hook and priv of each entry go into the array that packets meet.
  nf_register_net_hook: [1],
  nf_register_net_hooks: [1],
  nf_hook_entries_insert_raw: [1],
  nf_nat_register_fn: [2, 3],
  nf_nat_ipv4_register_fn: [1],
  nf_nat_ipv6_register_fn: [1],
  nf_nat_inet_register_fn: [1],
  xt_register_table: [1],
  ipt_register_table: [1, 3],
  ip6t_register_table: [1, 3],
  arpt_register_table: [1, 3],
  // Templates of each network namespace.
  fib_rules_register: [0],
  fib_notifier_ops_register: [0],
  cache_create_net: [0],
  // Handlers are put into the table of their message type; since 6.12.
  __rtnl_register_many: [0],
  wiphy_apply_custom_regulatory: [1],
  rhashtable_init: [1],
  rhashtable_init_noprof: [1],
  rhltable_init: [1],
  rhltable_init_noprof: [1],
  // Devices and drivers.
  platform_device_add_data: [1],
  platform_device_add_resources: [1],
  i2c_new_client_device: [1],
  i2c_register_board_info: [1],
  spi_new_device: [1],
  spi_register_board_info: [0],
  mdiobus_register_board_info: [0],
  nvmem_register: [0],
  devm_nvmem_register: [1],
  typec_register_port: [1],
  regulator_irq_helper: [1],
  backlight_device_register: [4],
  devm_backlight_device_register: [5],
  sparse_keymap_setup: [1],
  ahci_platform_init_host: [2],
  fcoe_libfc_config: [2],
  v4l2_ctrl_new_custom: [1],
  drm_mode_copy: [1],
  drm_mode_duplicate: [1],
  __regmap_init: [3],
  __devm_regmap_init: [3],
  __regmap_init_mmio_clk: [3],
  __devm_regmap_init_mmio_clk: [3],
  // Sound.
  snd_ctl_new1: [0],
  snd_hda_gen_add_kctl: [2],
  snd_soc_cnew: [0],
  snd_soc_add_component_controls: [1],
  snd_soc_add_card_controls: [1],
  snd_soc_add_dai_controls: [1],
  snd_soc_dapm_add_routes: [1],
  snd_soc_set_runtime_hwparams: [1],
};

/** The same, with what the pointers in it lead to. */
const BOTH: Readonly<Record<string, readonly number[]>> = {
  // Resources, platform data and properties.
  platform_device_register_full: [0],
  mfd_add_devices: [2],
  devm_mfd_add_devices: [2],
  fwnode_create_software_node: [0],
  property_entries_dup: [0],
  device_create_managed_software_node: [1],
  // The entries behind ebt_table.table.
  ebt_register_table: [1, 2],
  // An array of pointers to port_info, and to descriptors.
  ata_host_alloc_pinfo: [1],
  usb_copy_descriptors: [0],
  usb_assign_descriptors: [1, 2, 3, 4],
  // The operations of the template.
  dvb_register_device: [2],
  // Widgets with their controls.
  snd_soc_dapm_new_controls: [1],
};

/** The argument stays in use where it is, but what the pointers in it lead to is copied. */
const INSIDE: Readonly<Record<string, readonly number[]>> = {
  // Controls, widgets and routes of the driver.
  snd_soc_register_component: [1],
  devm_snd_soc_register_component: [1],
};

/** A register map of some bus; its configuration is the second argument. */
const REGMAP_OF_BUS = /^__(devm_)?regmap_init_\w+$/;

/** What a function of the kernel copies of its arguments; nothing, as far as is known, of any other. */
export function copiedBy(name: string): readonly Copied[] {
  const list = (numbers: readonly number[], what: CopiedWhat) =>
    numbers.map((argument) => ({ argument, what }));
  if (Object.hasOwn(ITSELF, name)) return list(ITSELF[name]!, 'itself');
  if (Object.hasOwn(BOTH, name)) return list(BOTH[name]!, 'both');
  if (Object.hasOwn(INSIDE, name)) return list(INSIDE[name]!, 'inside');
  return REGMAP_OF_BUS.test(name) ? list([1], 'itself') : [];
}

const PLAIN = /^(_*(devm_)?k?v?memdup|_*(__asan_)?mem(cpy|move)$)/;

/** Whether a function does nothing but copy: then its caller is who makes the copy. */
export function isPlainCopy(name: string): boolean {
  return PLAIN.test(name);
}
