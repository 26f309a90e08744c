# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)
"""One step of a rollout, on the controller: what the hosts answered goes into the journal."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.ksplice_ts.fleet.plugins.module_utils import report
from ansible_collections.ksplice_ts.fleet.plugins.module_utils.journal import Busy, Journal, lock, unlock, write


class ActionModule(ActionBase):
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super(ActionModule, self).run(tmp, task_vars)
        args = self._task.args
        self.vars = task_vars
        self.directory = os.path.expanduser(args['directory'])
        # In a run that changes nothing, the journal of the real one stays as it is.
        if self._play_context.check_mode:
            self.directory = os.path.join(self.directory, 'check')
        step = getattr(self, 'step_' + args['step'])
        result.update(changed=False)
        result.update(step(args) or {})
        return result

    def answers(self, *names):
        """For each host of this batch, what it registered under these names."""
        hosts = self.vars['ansible_play_batch']
        hostvars = self.vars['hostvars']
        everything = dict((host, hostvars.raw_get(host)) for host in hosts)
        return dict((host, [found.get(name) for name in names]) for host, found in everything.items())

    def journal(self):
        return Journal(self.directory).load()

    def step_begin(self, args):
        if not os.path.isdir(self.directory):
            os.makedirs(self.directory, 0o700)
        try:
            # The worker that runs this ends soon; its parent is ansible-playbook.
            lock(self.directory, os.getppid())
        except Busy as busy:
            raise AnsibleActionFail(str(busy))
        journal = Journal(self.directory)
        journal.begin(args['update'])
        return dict(resumed=journal.data['resumed'] > 0)

    def step_preflight(self, args):
        journal = self.journal()
        journal.preflight(self.answers('ksplice_before', 'ksplice_brought', 'ksplice_check'), float(args['max_down']))
        if self._play_context.check_mode:
            journal.stop('check mode', 'only the preflight was to be done')
            journal.save()
        return dict(stopped=journal.data['stopped'])

    def step_wave_begin(self, args):
        return dict(hosts=self.journal().wave_begin(args['title'], self.vars['ansible_play_batch']))

    def step_wave_end(self, args):
        journal = self.journal()
        names = journal.data['waves'][-1]['hosts']
        found = self.answers('ksplice_applied', 'ksplice_after')
        journal.wave_end(dict((name, found.get(name, (None, None))) for name in names), float(args['limit']))
        return dict(stopped=journal.data['stopped'])

    def step_confirm(self, args):
        journal = self.journal()
        names = journal.data['waves'][-1]['hosts']
        found = self.answers('ksplice_confirmed')
        gate = self.vars.get('ksplice_gate_answer')
        journal.confirm(dict((name, found.get(name, [None])[0]) for name in names), gate, float(args['limit']))
        return dict(stopped=journal.data['stopped'])

    def step_back(self, args):
        journal = self.journal()
        ids = dict((name, host.get('id')) for name, host in journal.data['hosts'].items())
        return dict(waves=journal.back(), ids=ids)

    def step_back_end(self, args):
        journal = self.journal()
        names = set(name for wave in journal.back() for name in wave)
        found = self.answers('ksplice_back')
        journal.back_end(dict((name, found[name][0]) for name in names if name in found))

    def step_end(self, args):
        data = self.journal().end()
        text = dict(json=json.dumps(data, indent=1, sort_keys=True) + '\n',
                    md=report.markdown(data), html=report.html(data))
        for form, content in text.items():
            write(os.path.join(self.directory, 'report.' + form), content)
        unlock(self.directory, os.getppid())
        bad = [name for name, host in data['hosts'].items() if host['state'] in ('failed', 'lost', 'stuck', 'down', 'unfit')]
        checked = data['stopped'] and data['stopped']['where'] == 'check mode'
        message = '%s The report is in %s.' % (report.verdict(data), self.directory)
        return dict(verdict=message, good=not bad and bool(checked or not data['stopped']))
