#!/usr/bin/python
# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: ksplice_info
short_description: Tells which kernel and which hot patches a host runs
version_added: 1.0.0
description:
  - Changes nothing. The result is also the fact C(ansible_facts.ksplice).
extends_documentation_fragment:
  - ksplice_ts.fleet.tool
attributes:
  check_mode:
    support: full
    description: It changes nothing.
'''

EXAMPLES = r'''
- name: What runs
  ksplice_ts.fleet.ksplice_info:
'''

RETURN = r'''
ksplice:
  description:
    - The JSON of C(ksplice-ts status). C(status_code) is its exit status, and C(boot) is an id that changes with each boot.
  returned: always
  type: dict
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ksplice_ts.fleet.plugins.module_utils.tool import ARGUMENTS, Tool


def main():
    module = AnsibleModule(argument_spec=dict(ARGUMENTS), supports_check_mode=True)
    info = Tool(module).info()
    module.exit_json(changed=False, ksplice=info, ansible_facts=dict(ksplice=info))


if __name__ == '__main__':
    main()
