#!/usr/bin/python
# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: ksplice_capture
short_description: Saves the running kernel, to prove updates against it elsewhere
version_added: 1.0.0
description:
  - Makes a directory with C(ksplice-ts capture). Fetch it, and give it to C(ksplice-ts check --image).
options:
  dest:
    description: A directory on the host. If it has a capture already, nothing is done.
    type: path
    required: true
extends_documentation_fragment:
  - ksplice_ts.fleet.tool
attributes:
  check_mode:
    support: full
    description: Says whether a capture would be made.
'''

EXAMPLES = r'''
- name: Save this kernel
  ksplice_ts.fleet.ksplice_capture:
    dest: /var/cache/ksplice-ts/capture
'''

RETURN = r'''
ksplice:
  description: The JSON of C(ksplice-ts capture).
  returned: always
  type: dict
'''

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ksplice_ts.fleet.plugins.module_utils.tool import ARGUMENTS, Tool


def main():
    module = AnsibleModule(argument_spec=dict(ARGUMENTS, dest=dict(type='path', required=True)),
                           supports_check_mode=True)
    dest = module.params['dest']
    if os.path.isdir(dest) and os.listdir(dest):
        module.exit_json(changed=False, ksplice={})
    if module.check_mode:
        module.exit_json(changed=True, ksplice={})
    module.exit_json(changed=True, ksplice=Tool(module).must('capture', dest))


if __name__ == '__main__':
    main()
