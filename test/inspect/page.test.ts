// The page holds foreign text, and is opened by people who decide about an update.

import { describe, expect, test } from 'vitest';
import { inspectUpdate } from '../../src/inspect/inspection.js';
import { escapeText, html, Markup } from '../../src/inspect/markup.js';
import { inspectionPage } from '../../src/inspect/page.js';
import { type Choices, makeUpdate } from './support/update.js';

const page = (choices: Choices = {}) => inspectionPage(inspectUpdate(makeUpdate(choices)));
const HOSTILE = `</pre><script>alert("x")</script><img src=x onerror='y'>&amp;\u202e\x1b[2J`;

/** All tags, attributes included; what is no tag must not have a "<" of its own. */
const tagsOf = (text: string) => text.match(/<[^>]*>/g) ?? [];

describe('the page', () => {
  test('has everything, folded up or not', () => {
    const text = page();
    for (const part of ['work', 'fresh', 'counter_place']) {
      expect(text).toContain(`<code class="name">${part}</code>`);
    }
    expect(text).toContain('<span class="removed">-old\n</span>');
    expect(text).toContain('number 2 of that name in fixture');
    expect(text).not.toContain('promised');
    const fixes = { cves: ['CVE-2026-1234'], upstream: [], repairs: [] };
    expect(page({ fixes })).toContain('<p>It fixes CVE-2026-1234.</p>');
    expect(page({ allowBusy: ['work'] })).toMatch(/promised: <code>work<\/code> <\/p>/);
    expect(page({ allowLayout: ['struct item'] })).toMatch(/promised: <code>struct item<\/code>/);
    const address = {
      symbol: HOSTILE,
      kind: 'literal',
      from: 'work',
      how: 'stored',
      to: '',
    } as const;
    expect(text).not.toContain('Undo leaves');
    expect(page({ addressesOut: [address] })).toContain('work() stores the address of ');
    expect(text).toContain('mov</i> $&quot;too many&quot;,%rdi');
  });

  test.each(['description', 'patch', 'label'] as const)('a hostile %s stays text', (field) => {
    const plainTags = new Set(tagsOf(page()).map((tag) => tag.replace(/"[^"]*"/g, '""')));
    const text = page({ [field]: HOSTILE });
    expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)');
    const tags = tagsOf(text).map((tag) => tag.replace(/"[^"]*"/g, '""'));
    expect(tags.filter((tag) => !plainTags.has(tag))).toEqual([]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\u202e]/);
    expect(text).toContain('\\u001b[2J');
  });

  test('is self-contained: no script, no link, nothing to fetch', () => {
    const tags = tagsOf(page());
    expect(
      tags.filter((tag) => /^<(script|link|img|iframe|object|a|base|form)\b/i.test(tag)),
    ).toEqual([]);
    expect(tags.filter((tag) => /\b(src|href|on\w+|style)\s*=/i.test(tag))).toEqual([]);
    expect(page()).not.toMatch(/https?:|url\(|@import/);
    expect(page()).toContain(`default-src &#39;none&#39;`);
  });

  test('has as many closing tags as opening ones', () => {
    const text = page();
    for (const name of ['details', 'div', 'span', 'code', 'table', 'tr', 'td', 'section']) {
      const opened = text.match(new RegExp(`<${name}[ >]`, 'g'))?.length;
      expect([name, text.match(new RegExp(`</${name}>`, 'g'))?.length]).toEqual([name, opened]);
    }
  });
});

describe('markup', () => {
  test('escapes what is put in, and markup only once', () => {
    const inner = html`<b>${'<i>'}</b>`;
    expect(html`<p title="${'"'}">${inner}${['&', new Markup('<hr>')]}${3}</p>`.text).toBe(
      '<p title="&quot;"><b>&lt;i&gt;</b>&amp;<hr>3</p>',
    );
  });

  test('shows what cannot be seen', () => {
    expect(escapeText('a\u202eb\u200b\x7f\n\t')).toBe('a\\u202eb\\u200b\\u007f\n\t');
  });
});
