#!/usr/bin/python
# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: ksplice_update
short_description: Applies, installs or takes back a hot patch of the running kernel
version_added: 1.0.0
description:
  - Calls C(ksplice-ts) on the host, and returns what it says.
options:
  src:
    description:
      - The update on the host. A C(ksplice-ID.tar.gz), or a set (a directory with C(index.json)).
      - Required if I(state) is C(applied), C(present) or C(checked).
      - Of a set, the tool takes what was made for the very kernel that runs.
    type: path
  id:
    description:
      - The update's id. Required if I(state) is C(absent) and there is no I(src).
      - Given beside I(src), it saves a call of the tool.
    type: str
  state:
    description:
      - C(applied) runs in the kernel now.
      - C(present) is applied at each boot of its kernel.
      - C(absent) neither runs nor is installed.
      - C(checked) changes nothing. The update is proved against the running kernel.
    type: str
    choices: [applied, present, absent, checked]
    default: applied
  watch:
    description: How long the host is watched after the switch, such as C(60s). Needs a ksplice-ts with C(apply --watch).
    type: str
  probes:
    description: Commands that must succeed while the host is watched.
    type: list
    elements: str
    default: []
  max_stop:
    description: The longest stop of the machine that is allowed, in milliseconds. Needs I(watch).
    type: int
  timeout:
    description: How many seconds to go on trying while the code is in use.
    type: int
    default: 30
extends_documentation_fragment:
  - ksplice_ts.fleet.tool
attributes:
  check_mode:
    support: full
    description: C(applied) becomes C(apply --dry-run).
  diff_mode:
    support: full
    description: Shows what C(inspect) says of the update.
'''

EXAMPLES = r'''
- name: Apply an update and watch the host for a minute
  ksplice_ts.fleet.ksplice_update:
    src: /var/cache/ksplice-ts/ksplice-8c4rnqv2.tar.gz
    watch: 60s
    probes: [curl -fsS http://localhost/health]

- name: Take it back
  ksplice_ts.fleet.ksplice_update:
    id: 8c4rnqv2
    state: absent
'''

RETURN = r'''
id:
  description: The update's id. It is null if a set says that this kernel needs no update.
  returned: success
  type: str
ksplice:
  description: The JSON of the tool's last command.
  returned: always
  type: dict
stop_ms:
  description: How long the machine was stopped.
  returned: when the kernel was changed
  type: float
'''

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ksplice_ts.fleet.plugins.module_utils.tool import ARGUMENTS, Tool


def main():
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            src=dict(type='path'),
            id=dict(type='str'),
            state=dict(type='str', default='applied',
                       choices=['applied', 'present', 'absent', 'checked']),
            watch=dict(type='str'),
            probes=dict(type='list', elements='str', default=[]),
            max_stop=dict(type='int'),
            timeout=dict(type='int', default=30),
        ),
        required_one_of=[['src', 'id']],
        required_if=[['state', 'applied', ['src']], ['state', 'present', ['src']], ['state', 'checked', ['src']]],
        supports_check_mode=True,
    )
    states = dict(applied=applied, present=present, absent=absent, checked=checked)
    module.exit_json(**states[module.params['state']](module, Tool(module)))


def is_set(path):
    return os.path.exists(os.path.join(path, 'index.json'))


def id_of(module, tool):
    """The id of what `src` names: of a set, of what was made for the kernel that runs."""
    given, src = module.params['id'], module.params['src']
    if given:
        return given
    return tool.must(*(['check', src, '--live'] if is_set(src) else ['view', '--file', src]))['id']


def applied(module, tool):
    src = module.params['src']
    # Of a set, `apply` itself finds out whether its update is applied.
    update = module.params['id'] or (None if is_set(src) else id_of(module, tool))
    known = tool.applied().get(update) if update else None
    if known and known.get('stage') == 'applied':
        return dict(changed=False, id=update, ksplice=known)
    words = ['apply', src, '--timeout', module.params['timeout']]
    # A try changes nothing, so there is nothing to watch.
    words += ['--dry-run'] if module.check_mode else watch_words(module, tool)
    diff = difference(module, tool, src)
    answer = tool.must(*words)
    # A try that is refused because there is nothing to do has a stage already.
    changed = answer['changed'] or (module.check_mode and answer['id'] is not None and answer.get('stage') is None)
    return dict(diff, changed=changed, id=answer['id'], ksplice=answer, stop_ms=stop_ms(answer))


def watch_words(module, tool):
    watch, probes, max_stop = module.params['watch'], module.params['probes'], module.params['max_stop']
    if not watch:
        if probes or max_stop is not None:
            module.fail_json(msg='probes and max_stop need watch: without it nobody looks at them')
        return []
    if not tool.knows('apply', '--watch'):
        module.fail_json(msg='the ksplice-ts of this host has no `apply --watch`: bring a newer one, or leave out watch')
    words = ['--watch', watch]
    for probe in probes:
        words += ['--probe', probe]
    if max_stop is not None:
        words += ['--max-stop', max_stop]
    return words


def difference(module, tool, src):
    """For --diff: the patch. A set's choice is known only after the tool has made it."""
    if not module._diff or is_set(src):
        return {}
    inspection = tool.must('inspect', src)
    targets = inspection.get('targets') or []
    names = ['%s: %s' % (one.get('target'), part.get('name')) for one in targets for part in one.get('parts') or []]
    after = '\n'.join(['applied: ' + inspection['id']] + names) + '\n'
    return dict(diff=dict(before='', after=after, before_header='the kernel', after_header=src))


def stop_ms(answer):
    time = (answer.get('timing') or {}).get('window_ns')
    return None if time is None else round(float(time) / 1e6, 3)


def present(module, tool):
    update = id_of(module, tool)
    if update in installed(tool):
        return dict(changed=False, id=update, ksplice={})
    if module.check_mode:
        return dict(changed=True, id=update, ksplice={})
    answer = tool.must('install', module.params['src'])
    return dict(changed=answer['changed'], id=update, ksplice=answer)


def installed(tool):
    return [one['id'] for one in tool.must('list')['updates']]


def absent(module, tool):
    update = id_of(module, tool)
    runs, stays = update in tool.applied(), update in installed(tool)
    result = dict(changed=runs or stays, id=update, ksplice={})
    if module.check_mode:
        return result
    if stays:
        result['ksplice'] = tool.must('uninstall', update)
    if runs:
        answer = tool.must('undo', update, '--timeout', module.params['timeout'])
        result.update(ksplice=answer, stop_ms=stop_ms(answer))
    return result


def checked(module, tool):
    src = module.params['src']
    answer = tool.must('check', src, '--live')
    return dict(changed=False, id=answer['id'], ksplice=answer)


if __name__ == '__main__':
    main()
