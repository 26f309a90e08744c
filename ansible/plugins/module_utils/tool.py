# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)
"""Calls ksplice-ts with --json. The tool decides everything; nothing is worked out twice here."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import shlex

ARGUMENTS = dict(executable=dict(type='str', default='ksplice-ts'))


class Tool(object):
    """The ksplice-ts of this host."""

    def __init__(self, module):
        self.module = module
        self.words = shlex.split(module.params['executable'])
        self._help = {}

    def call(self, *words):
        """Runs `ksplice-ts WORDS --json`. Returns (exit status, answer); fails the module if there is no answer."""
        command = self.words + [str(word) for word in words] + ['--json']
        code, out, err = self.module.run_command(command)
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            text = err.strip() or out.strip() or 'it printed nothing'
            self.module.fail_json(msg='%s gave no answer: %s' % (' '.join(command), text), rc=code,
                                  ksplice=dict(ok=False, error=dict(code='no-answer', message=text)))
        return code, answer

    def must(self, *words):
        """The answer; a refusal of the tool fails the module in the tool's own words."""
        code, answer = self.call(*words)
        if answer.get('ok') is not True or code != 0:
            self.refused(code, answer)
        return answer

    def refused(self, code, answer):
        """Fails the module with what the tool said."""
        error = answer.get('error') or {}
        message = error.get('message') or 'ksplice-ts ended with status %d' % code
        if error.get('advice'):
            message += ' (%s)' % error['advice']
        self.module.fail_json(msg=message, rc=code, ksplice=answer)

    def knows(self, command, option=None):
        """Whether the tool has a command, or a command an option: earlier ones lack some."""
        if command not in self._help:
            code, out, err = self.module.run_command(self.words + [command, '--help'])
            self._help[command] = out if code == 0 else ''
        text = self._help[command]
        return bool(text) if option is None else option in text

    def applied(self):
        """The updates in the running kernel, by id."""
        return dict((one['id'], one) for one in self.must('view')['updates'])

    def info(self):
        """What this host runs: `ksplice-ts status`, its exit status, and which boot this is."""
        code, status = self.call('status')
        if code not in (0, 10, 11, 12):
            self.refused(code, status)
        return dict(status, boot=boot_id(), status_code=code)


def boot_id():
    """Changes with each boot."""
    try:
        with open('/proc/sys/kernel/random/boot_id') as file:
            return file.read().strip()
    except (IOError, OSError):
        return None
