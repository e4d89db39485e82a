# SPDX-License-Identifier: MIT
"""The exported page in a real browser (`make test-html`): nothing recorded runs, nothing is fetched, and one finds things.
test_sessions_replay.py has what a parser can tell. Skipped where there is no Chromium: with all that it needs it is some 400 MB."""

import html
import os
import re
import shutil
import subprocess

import pytest

import test_sessions_replay
from recordings import pgveil

CHROMIUM = next((c for c in ("chromium", "chromium-browser", "google-chrome") if shutil.which(c)), None)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium (apt-get install --no-install-recommends chromium)")

make, made, evil = test_sessions_replay.make, test_sessions_replay.made, test_sessions_replay.evil

# Runs in the page before anything else: what breaks the page's policy is said, and so is whatever a script does.
PROBE = "<script nonce=probe>window.caught=[];addEventListener('securitypolicyviolation',e=>caught.push(e.violatedDirective+' '+e.blockedURI));window.alert=x=>caught.push('alert '+x)</script>"


def browse(page, work, *args, fragment=""):
    """The page's elements after its scripts ran."""
    argv = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir=%s" % (work / "profile"), "--virtual-time-budget=3000",
            *args, "file://%s%s" % (page, fragment)]
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, env={**os.environ, "HOME": str(work)}, check=False)
    assert p.returncode == 0, p.stderr.decode(errors="replace")[-2000:]
    return p.stdout.decode()


def export(where, work, change=lambda text: text):
    page = work / "page.html"
    page.write_text(change(pgveil(where, "export", "1-1", "--format", "html").stdout.decode()))
    return page


def with_script(code):
    """A script of the test's own, which the page's policy must let run: it looks, as a reader would."""
    tag = "<script nonce=\"probe\">%s</script>" % code

    def change(text):
        assert text.count("script-src ") == 1 and text.count("</body>") == 1
        return text.replace("script-src ", "script-src 'nonce-probe' ").replace("</body>", tag + "</body>").replace(
            "<title>", PROBE.replace("nonce=probe", "nonce=\"probe\"") + "<title>")
    return change


REPORT = "document.body.append(Object.assign(document.createElement('output'),{id:'report',textContent:JSON.stringify(%s)}))"


def report(dom):
    return html.unescape(re.search(r'<output id="report">(.*?)</output>', dom, re.S).group(1))


def test_nothing_that_was_recorded_runs(evil, tmp_path):
    dom = browse(export(evil, tmp_path), tmp_path, "--dump-dom")
    assert "<title>pgveil session 1-1</title>" in dom and "owned</title>" not in dom
    assert not re.search(r"<(img|iframe|object|svg onload)", dom)
    # The page's own script ran: the way to search is there.
    assert "<nav>" in dom
    look = "({caught, images: document.images.length, scripts: document.scripts.length, handlers: [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length, cells: [...document.querySelectorAll('td')].map(t => t.textContent.includes('onerror=')), title: document.title})"
    said = report(browse(export(evil, tmp_path, with_script(REPORT % look)), tmp_path, "--dump-dom"))
    assert said == '{"caught":[],"images":0,"scripts":3,"handlers":0,"cells":[true,false],"title":"pgveil session 1-1"}'


@pytest.mark.parametrize("with_policy", [True, False])
def test_the_pages_policy_stops_what_its_text_would_not(made, tmp_path, with_policy):
    """Were a value not escaped after all: neither a script nor a handler nor a style. Without the policy they do run."""
    hole = "<script>document.title='owned'</script><img src='x:' onerror=\"document.body.id='owned'\"><p style='color:rgb(1,2,3)' id=hole>x</p>"
    look = "({title: document.title, body: document.body.id, color: getComputedStyle(document.getElementById('hole')).color === 'rgb(1, 2, 3)'})"

    def change(text):
        text = with_script("addEventListener('load', () => setTimeout(() => " + REPORT % look + ", 500))")(text).replace("<main>", "<main>" + hole)
        return text if with_policy else re.sub(r"<meta http-equiv[^>]*>", "", text)
    said = report(browse(export(made, tmp_path, change), tmp_path, "--dump-dom"))
    expected = '{"title":"pgveil session 1-1","body":"","color":false}' if with_policy else '{"title":"owned","body":"owned","color":true}'
    assert said == expected


def test_one_finds_things(made, tmp_path):
    def found(what, refused=False):
        code = ("const f = document.getElementById('find'); f.value = %r; document.getElementById('refused').checked = %s; f.dispatchEvent(new Event('input'));"
                % (what, "true" if refused else "false"))
        look = "({shown: [...document.querySelectorAll('section')].filter(s => s.offsetHeight).map(s => s.id), rows: [...document.querySelectorAll('tbody tr')].filter(r => r.offsetHeight).length, said: document.getElementById('found').textContent})"
        return report(browse(export(made, tmp_path, with_script(code + REPORT % look)), tmp_path, "--dump-dom"))
    assert found("") == '{"shown":["s1","s2","s3","s6","s7","s8"],"rows":4,"said":""}'
    assert found("EXAMPLE.org") == '{"shown":["s1"],"rows":1,"said":"1 of 6 statements"}'
    assert found("delete") == '{"shown":["s2"],"rows":0,"said":"1 of 6 statements"}'
    assert found("", refused=True) == '{"shown":["s2"],"rows":0,"said":"1 of 6 statements"}'


def test_the_timeline_is_seen_before_the_statements(made, tmp_path):
    look = "({top: document.querySelector('figure').offsetTop < document.querySelector('main').offsetTop, marks: [...document.querySelectorAll('rect')].every(r => r.getBoundingClientRect().width >= 1), red: getComputedStyle(document.querySelector('rect.bad')).fill})"
    said = report(browse(export(made, tmp_path, with_script(REPORT % look)), tmp_path, "--dump-dom"))
    assert said.startswith('{"top":true,"marks":true,"red":"rgb('), said
