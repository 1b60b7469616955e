"""Conversations, and templates in the styles of public ones, to compare with transformers."""

from __future__ import annotations

SYSTEM = {"role": "system", "content": 'Be "brief" <ok> é.'}
USER = {"role": "user", "content": " What's up?\n"}
ASSISTANT = {"role": "assistant", "content": "Nothing. "}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "a1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Paris", "n": 3}}}
    ],
}
RESULT = {"role": "tool", "name": "weather", "tool_call_id": "a1", "content": '{"t": 20}'}
THOUGHT = {"role": "assistant", "content": "Hi", "reasoning": "because"}
PARTS = {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two "}]}
CHATS = [
    *([USER], [SYSTEM, USER], [USER, ASSISTANT, USER], [SYSTEM, USER, ASSISTANT, USER, ASSISTANT]),
    *([SYSTEM, USER, CALL, RESULT], [USER, CALL, RESULT, ASSISTANT, USER], [USER, THOUGHT, USER], [PARTS, ASSISTANT]),
    *([ASSISTANT], [USER, USER], [{"role": "odd", "content": "x"}], [{"role": "user"}], [SYSTEM]),
]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather <b> & more é",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TEMPLATES = {
    "turns": "{% for m in messages %}\n<|{{ m.role }}|>\n    {% generation %}{{ m['content'] }}{% endgeneration %}\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "tools": "{{ bos_token }}{% if tools %}{% for t in tools %}{{ t | tojson }}\n{{ t | tojson(indent=2) }}{% endfor %}"
    "{% endif %}{% for m in messages %}{% if m.tool_calls is defined %}{% for c in m.tool_calls %}"
    "{{ c.function.name }}({{ c.function.arguments | tojson(sort_keys=true) }}){% endfor %}{% continue %}{% endif %}"
    "{{ '[' + m.role + ']' }} {{ m.content | trim }}{{ eos_token }}{% if loop.index > 3 %}{% break %}{% endif %}"
    "{% endfor %}",
    "strict": "{%- set ns = namespace(last='', n=0) -%}{%- for m in messages -%}{%- if m.role == ns.last -%}"
    "{{ raise_exception('roles must alternate, not ' ~ m.role) }}{%- endif -%}{%- set ns.last = m.role -%}"
    "{%- set ns.n = ns.n + 1 -%}{{ ns.n ~ ':' ~ m.content ~ '\n' }}{%- endfor -%}{{ pad_token }}{{ x }}",
    "macros": "{% macro show(m, deep=false) %}{{ m.role.upper() }}{% if m.content is string %}{{ m.content }}"
    "{% else %}{% for p in m.content or [] %}{{ p.text }}|{% endfor %}{% endif %}{% endmacro %}"
    "{% for m in messages[::-1] %}{% generation %}{{ show(m) }}{% endgeneration %}{% endfor %}"
    "{% set all = messages | map(attribute='role') | join(',') %}{{ all | replace('user', 'U') | center(20) }}"
    "{{ 'day %02d' % 7 }}{{ '-' * 5 }}{{ dict(a=1).items() | list }}{{ 2 ** 10 }}",
    "date": "{{ strftime_now('%Y') | length }}{% if documents %}{% for d in documents %}{{ d.title }}{% endfor %}"
    "{% endif %}{{ messages[0].reasoning_content }}{{ messages[0]['thinking'] }}{{ (messages | last).content }}",
    "missing": "{{ messages[0].nothing.more }}",
    "wrong": "{% for m in messages %}",
    "outside": "{{ messages.__class__.__mro__ }}",
    "changing": "{{ messages.append(1) }}",
}
