#!/usr/bin/python
# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: rollout_step
short_description: One step of a rollout, on the controller
version_added: 1.0.0
description:
  - For the playbooks of this collection. It keeps the journal, judges the waves, and writes the report.
  - It runs on the controller, and contacts no host.
options:
  step:
    description: Which step.
    type: str
    required: true
    choices: [begin, preflight, wave_begin, wave_end, confirm, back, back_end, end]
  directory:
    description: Where the journal, the lock and the reports are.
    type: path
    required: true
  update:
    description: The file that is rolled out. For C(begin).
    type: str
  title:
    description: The name of the wave. For C(wave_begin).
    type: str
  limit:
    description: How many hosts of a wave may fail, in percent. For C(wave_end) and C(confirm).
    type: float
  max_down:
    description: How many hosts may be down at the beginning, in percent. For C(preflight).
    type: float
author:
  - The authors of ksplice-ts (@ksplice-ts)
'''

EXAMPLES = r'''
- name: End the rollout
  ksplice_ts.fleet.rollout_step:
    step: end
    directory: ~/.local/state/ksplice-ts/rollout
'''

RETURN = r'''
stopped:
  description: Where and why the rollout was stopped, or null.
  returned: by some steps
  type: dict
'''
