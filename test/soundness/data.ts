// Constant tables, and data that is new.

import type { Kind } from './kind.js';
import { CHANGED_TABLE, NEW_DATA, UNKNOWN } from './peers.js';

const table = (put: string, more = '') => `struct ops { int (*get)(int); int (*put)(int); };
static int get(int x) { return x + 1; }
static used int put(int x) { return x + 2; }
${more}static const struct ops ops = { get, ${put} };
const struct ops *the_ops(void) { return &ops; }
`;

const SRCU = `struct srcu_struct { int idx; void *sda; };
extern int srcu_read_lock(struct srcu_struct *srcu);
#define DEFINE_SRCU(name) static int PERCPU name##_data; static struct srcu_struct name = { .sda = &name##_data }
#define LISTED(name) struct srcu_struct *const section("___srcu_struct_ptrs") __srcu_struct_##name = &name
`;

const percpu = (declared: string, body: string) => `${declared}
#define inc(v) asm("incl %%gs:%0" : "+m" (v))
int count(int x) { ${body} return x; }
`;

const owned = (owner: string) => `extern struct module { int users; } __this_module;
struct ops { struct module *owner; int (*get)(int); };
static int get(int x) { return x + 1; }
static const struct ops ops = { ${owner} .get = get };
const struct ops *the_ops(void) { return &ops; }
`;

export const dataKinds: readonly Kind[] = [
  {
    kind: 'constant table, other content',
    verdict: 'made',
    why: 'The table keeps its address, since it is handed out. Its new content is written over the old one in the stop, and the old one again at undo.',
    peers: CHANGED_TABLE,
    fixture: {
      objects: { a: [table('put'), table('get')] },
      changes: ['write ops'],
    },
    subject: {
      edits: {
        'drivers/char/mem.c': [
          [
            /^(static const struct file_operations zero_fops [^}]*?\.write\t*= )write_zero/m,
            '$1write_full',
          ],
        ],
      },
      use: {
        first: 'exec 7>/dev/zero',
        run: 'printf x >&7 && echo taken; printf x >/dev/zero && echo taken',
        before: /^taken\ntaken$/,
        applied: /^(.*No space left on device\n?){2}$/,
      },
    },
  },
  {
    kind: 'new function in a table',
    verdict: 'made',
    why: 'The same; the new function stays as long as the table leads to it.',
    peers: CHANGED_TABLE,
    fixture: {
      objects: { a: [table('put'), table('most', 'static int most(int x) { return x + 3; }\n')] },
      changes: ['write ops', 'new most'],
    },
    subject: {
      edits: {
        'drivers/char/mem.c': [
          [
            /^static const struct file_operations full_fops = \{/m,
            'static ssize_t write_busy(struct file *file, const char __user *buf,\n\t\t\t  size_t count, loff_t *ppos)\n{\n\treturn -EBUSY;\n}\n\n$&',
          ],
          [
            /^(static const struct file_operations full_fops [^}]*?\.write\t*= )write_full/m,
            '$1write_busy',
          ],
        ],
      },
      use: {
        first: 'exec 7>/dev/full',
        run: 'printf x >&7; printf x >/dev/full',
        before: /^(.*No space left on device\n?){2}$/,
        applied: /^(.*Device or resource busy\n?){2}$/,
      },
    },
  },
  {
    kind: 'new per-cpu variables',
    verdict: 'made',
    why: 'The loader knows one section for them: whatever kind they come from, they are put into it, aligned as they were. They begin with their values, on each CPU.',
    peers: NEW_DATA,
    fixture: {
      objects: {
        a: [
          percpu('static int PERCPU hits;', 'inc(hits);'),
          percpu(
            `static int PERCPU hits;
static int section(".data..percpu..read_mostly") step = 5;
static int section(".data..percpu..shared_aligned") __attribute__((aligned(64))) sum;`,
            'inc(hits); inc(step); inc(sum);',
          ),
        ],
      },
      changes: ['count', 'new step', 'new sum'],
    },
    subject: {
      edits: {
        'kernel/exec_domain.c': [
          [/^(?=#include <linux\/proc_fs.h>)/m, '#include <linux/percpu.h>\n'],
          [
            /^(?=static int execdomains_proc_show)/m,
            'static DEFINE_PER_CPU_READ_MOSTLY(int, shown_step) = 7;\nstatic DEFINE_PER_CPU_SHARED_ALIGNED(int, shown_sum) = 100;\n\n',
          ],
          [
            /^(static int execdomains_proc_show\([^{]*\{\n)/m,
            `$1	int cpu, steps = 0, sum = 0;

	this_cpu_add(shown_sum, this_cpu_read(shown_step));
	for_each_online_cpu(cpu) {
		steps += per_cpu(shown_step, cpu);
		sum += per_cpu(shown_sum, cpu);
	}
	seq_printf(m, "%d %d %d\\n", steps, sum,
		   IS_ALIGNED((unsigned long)per_cpu_ptr(&shown_sum, 0), SMP_CACHE_BYTES));
`,
          ],
        ],
      },
      use: {
        // A reader that seeks would have the line made again.
        run: 'for cpu in 0 1; do taskset -c $cpu cat /proc/execdomains | head -n 1 | cut -c 1-8; done',
        before: /^0-0\tLinu\n0-0\tLinu$/,
        applied: /^14 207 1\n14 214 1$/,
      },
    },
  },
  {
    kind: 'new SRCU domain in the kernel proper',
    verdict: 'made',
    why: 'What the initialiser of the kernel proper leaves to the first use is done there.',
    peers: NEW_DATA,
    fixture: {
      objects: {
        a: [
          `${SRCU}int look(int x) { return x; }\n`,
          `${SRCU}DEFINE_SRCU(ports);\nLISTED(ports);\nint look(int x) { return srcu_read_lock(&ports); }\n`,
        ],
      },
      changes: ['look', 'new ports', 'new ports_data', 'new __srcu_struct_ports'],
    },
    subject: {
      edits: {
        'fs/proc/version.c': [
          [/^(?=#include <linux\/utsname.h>)/m, '#include <linux/srcu.h>\n'],
          [/^(?=static int version_proc_show)/m, 'DEFINE_STATIC_SRCU(version_srcu);\n\n'],
          [
            /^(static int version_proc_show\([^{]*\{\n)/m,
            `$1	int index = srcu_read_lock(&version_srcu);

	srcu_read_unlock(&version_srcu, index);
	synchronize_srcu(&version_srcu);
	seq_puts(m, "waited: ");
`,
          ],
        ],
      },
      use: {
        // What it has queued may still run: nobody ends it, as is done for those of a module.
        stays: true,
        run: 'for i in 1 2; do cut -c 1-13 /proc/version; done',
        before: /^Linux version\nLinux version$/,
        applied: /^waited: Linux\nwaited: Linux$/,
      },
    },
  },
  {
    kind: 'new SRCU domain in a module',
    verdict: 'made',
    why: 'It is in a list that the loader goes through, as it does with that of the module itself: the list comes along, and new code is a module.',
    peers: NEW_DATA,
    fixture: {
      objects: {
        a: [
          `${SRCU}DEFINE_SRCU(devices);\nLISTED(devices);\nint look(int x) { return x + srcu_read_lock(&devices); }\n`,
          `${SRCU}DEFINE_SRCU(devices);\nLISTED(devices);\nDEFINE_SRCU(ports);\nLISTED(ports);\nint look(int x) { return srcu_read_lock(&ports) + srcu_read_lock(&devices); }\n`,
        ],
      },
      changes: ['look', 'new ports', 'new ports_data', 'new __srcu_struct_ports'],
    },
    subject: {
      edits: {
        'net/8021q/vlanproc.c': [
          [/^(?=#include <linux\/proc_fs.h>)/m, '#include <linux/srcu.h>\n'],
          [/^(?=static int vlan_seq_show\([^{;]*\{)/m, 'DEFINE_STATIC_SRCU(seen_srcu);\n\n'],
          [
            /^(?=\tif \(v == SEQ_START_TOKEN\) \{\n\t\tconst char \*nmtype)/m,
            // Nothing may sleep here: RCU is held.
            `	int index = srcu_read_lock(&seen_srcu);

	srcu_read_unlock(&seen_srcu, index);
	seq_puts(seq, "locked\\n");
`,
          ],
        ],
      },
      use: {
        first: 'modprobe 8021q',
        run: 'head -n 1 /proc/net/vlan/config',
        before: /^VLAN Dev name/,
        applied: /^locked$/,
        last: 'rmmod 8021q',
      },
    },
  },
  {
    kind: 'new variable that boot code sets up',
    verdict: { refused: 'refused-change', detail: 'set-at-boot' },
    why: 'That code has run, without the variable: new code would find zeros, no queue and no cache.',
    peers: UNKNOWN,
    fixture: {
      objects: {
        a: [
          'extern void *make(int);\nextern int put(void *);\n__init int begin(void) { return printk("a"); }\nint run(void) { return 1; }\n',
          'extern void *make(int);\nextern int put(void *);\nstatic void *queue;\n__init int begin(void) { queue = make(1); return printk("a"); }\nint run(void) { return put(queue); }\n',
        ],
      },
      says: /queue is new, and begin\(\) sets it up, which runs only at boot/,
    },
    subject: {
      edits: {
        'fs/timerfd.c': [
          [
            /^static DEFINE_SPINLOCK\(cancel_lock\);\n/m,
            `$&static struct kmem_cache *timerfd_cache __ro_after_init;

static int __init timerfd_init_cache(void)
{
	timerfd_cache = KMEM_CACHE(timerfd_ctx, 0);
	return timerfd_cache ? 0 : -ENOMEM;
}
fs_initcall(timerfd_init_cache);
`,
          ],
          [
            /ctx = kzalloc\(sizeof\(\*ctx\), GFP_KERNEL\)/,
            'ctx = kmem_cache_zalloc(timerfd_cache, GFP_KERNEL)',
          ],
        ],
      },
      says: /timerfd_cache is new, and timerfd_init_cache\(\) sets it up/,
    },
  },
  {
    kind: 'owner of a table',
    verdict: { refused: 'refused-change', detail: 'owner-changed' },
    why: 'A file that is open at the switch was counted with the old owner, and is let go with the new one: the module could be unloaded under its users, or never again.',
    peers: CHANGED_TABLE,
    fixture: {
      objects: {
        a: [owned(''), owned('.owner = &__this_module,')],
      },
      says: /the owner in ops changed/,
    },
    subject: {
      edits: {
        'fs/fuse/dev.c': [
          [
            /^(const struct file_operations fuse_dev_operations = \{\n)\t\.owner\t\t= THIS_MODULE,\n/m,
            '$1',
          ],
        ],
      },
      says: /the owner in fuse_dev_operations changed/,
    },
  },
];
