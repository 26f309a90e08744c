# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    """What all modules that call the tool have in common."""

    DOCUMENTATION = r'''
options:
  executable:
    description: The tool, with words before its own if it needs them.
    type: str
    default: ksplice-ts
author:
  - The authors of ksplice-ts (@ksplice-ts)
'''
