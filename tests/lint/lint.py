#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py [ROOT]: the house rules that no compiler knows. Prints one line for each finding; the exit
status is 1 if there are any.

Each rule is a function `(path, text) -> iterable of (line number, message)`, where `path` is relative
to the root and `text` the whole file. tests/lint/test_lint.py shows that each of them reports a planted fault.
"""
import pathlib
import re
import subprocess
import sys

COLUMNS_MAX = 100
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# The layers whose headers each layer may include beside its own; "aws/region" is that header alone.
LAYERS = {
    "base": set(),
    "net": {"base"},
    "aws": {"net", "base", "policy"},
    "policy": {"base"},
    "traffic": {"base"},
    "report": {"policy", "traffic", "base"},
    "event": {"policy", "aws/region", "base"},
    "table": {"event", "policy", "traffic", "aws", "base"},
    "control": {"table", "event", "policy", "report", "aws", "base"},
    "app": {"control", "table", "event", "policy", "traffic", "report", "aws", "base"},
    "runtime": {"net", "base"},
    "cli": {"app", "policy", "traffic", "report", "aws/region", "base"},
    "lambda": {"runtime", "app", "net", "base"},
    "main": {"lambda", "cli", "app", "net", "aws/region", "base"},
}

# Third-party headers and the only files that may include them.
THIRD_PARTY = [
    (r"(cjson/)?cJSON(_Utils)?\.h", r"src/base/json\.c"),
    (r"curl/.*", r"src/net/http_curl\w*\.[ch]"),
    (r"openssl/.*", r"src/(aws/sigv4|net/tls_trust)\w*\.[ch]"),
    (r"isa-l(/.*|\.h)", r"src/(aws/dynamodb_item|traffic/inflate)\.c"),
]

# Functions and the only files that may call them; None: no file.
BANNED = [
    (r"strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|gmtime|localtime|ctime|asctime|rand|srand",
     None),
    (r"getenv|secure_getenv", r"src/base/env\.c"),
    (r"setenv|unsetenv|putenv", r"src/(lambda|net/http_curl)\.c"),
    (r"malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup",
     r"src/base/(arena|musl_malloc)\.c"),
    # src/cli/io.c escapes everything it prints. The other files print no outside text, or only lines
    # that are escaped already: base/log.h.
    (r"v?f?printf|v?dprintf|f?puts|putchar|f?putc|putw|fwrite|writev?|pwritev?|perror|psignal"
     r"|v?warnx?|v?errx?|v?syslog",
     r"src/cli/(io|progress|output)\.c|src/base/(log|log_stream|assert|arena|musl_malloc|musl_shims)\.c"
     r"|\.ci/pages\.c"),
    (r"system|popen|fork|vfork|execvp?|execve|execlp?", None),
]

# Words that this project does not use, and the words to use instead. Items in existing tables have
# an attribute "untold" and a status "taken-back": the string "untold" alone is exempt, and the
# hyphen matches nothing.
WORDS = [
    (r"t(?:old|ells?|elling) (?:of|about)", "alert, report or say"),
    (r'(?<!")untold(?!")', "not sent, or not reported"),
    (r"(?:is|are|was|were|be) heard", "name the listener"),
    (r"who(?:m|se|so)?ever", "name the actor"),
    (r"(?:go|goes|going|gone|went) on with", "resume"),
    (r"hang(?:s|ing)? on", "depend on"),
    (r"t(?:akes?|aking|aken|ook) back", "roll back, revert or undo"),
]


def blank(match):
    """The match with everything but its line ends turned into blanks."""
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    pattern = r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|/\*.*?\*/|//[^\n]*'
    return re.sub(pattern, lambda m: m.group(0) if m.group(1) else blank(m), text, flags=re.S)


def code_only(text):
    """Without comments, and without the inside of strings and characters."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  lambda m: m.group(0)[0] + " " * (len(m.group(0)) - 2) + m.group(0)[0],
                  without_comments(text))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def is_c(path):
    return path.endswith((".c", ".h"))


def layer_of(path):
    """Its folder; a file beside the folders is a layer of its own."""
    match = re.match(r"(?:src|include)/(\w+)(?:/|\.[ch]$)", path)
    return match and match.group(1)


def layer_included(name):
    """The layer of an include; None: the including file's own folder, or no layer of ours."""
    layer = re.split(r"[/.]", name)[0]
    return layer if layer in LAYERS else None


def includes(text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', without_comments(text),
                             flags=re.M):
        yield line_of(text, match.start(2)), match.group(2)


def layer_edges(path, text):
    layer = layer_of(path)
    if not is_c(path) or layer is None:
        return
    if layer not in LAYERS:
        yield 1, f"unknown layer '{layer}': add it to the table in tests/lint/lint.py"
        return
    for line, name in includes(text):
        other = layer_included(name)
        if not {other, name.removesuffix(".h")} & ({None, layer} | LAYERS[layer]):
            yield line, f"layer {layer} must not include {name}"


def no_foreign_internals(path, text):
    if not path.startswith(("src/", "include/")):
        return
    for line, name in includes(text):
        other = name.split("/")[0] if "/" in name else layer_of(path)
        if name.endswith("_internal.h") and (other != layer_of(path) or path.startswith("include/")):
            yield line, f"{name} is internal: only sources of its own layer may include it"
        if name.startswith(".."):
            yield line, f"{name}: include by layer, not by relative path"


def third_party_in_one_file(path, text):
    if not is_c(path) or path.startswith("tests/"):
        return
    for line, name in includes(text):
        for header, home in THIRD_PARTY:
            if re.fullmatch(header, name) and not re.fullmatch(home, path):
                yield line, f"{name} may only be included by {home}"


def banned_functions(path, text):
    if not is_c(path) or path.startswith("tests/"):
        return
    code = code_only(text)
    for names, home in BANNED:
        if home and re.fullmatch(home, path):
            continue
        # A member (`list->free(...)`) is another function.
        for match in re.finditer(rf"(?<![\w.>])({names})\s*\(", code):
            where = f" outside {home}" if home else ""
            yield line_of(code, match.start()), f"{match.group(1)}() is banned{where}"


def function_length(path, text):
    if not path.endswith(".c"):
        return
    lines = code_only(text).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        # The formatter puts the closing brace of a definition, and no other, into column 1.
        if start is None and line.endswith("{") and re.match(r"[A-Za-z_ ].*\)\s*\{$", line):
            start = number
        elif line.startswith("}"):
            if start is not None and number - start + 1 > FUNCTION_LINES_MAX:
                yield start, f"function of {number - start + 1} lines (at most {FUNCTION_LINES_MAX})"
            start = None


def file_length(path, text):
    count = text.count("\n")
    if is_c(path) and count > FILE_LINES_MAX:
        yield count, f"file of {count} lines (at most {FILE_LINES_MAX})"


def columns(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if is_c(path) and len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns (at most {COLUMNS_MAX})"


def white_space(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        # An empty line of the source is a blank in a patch of it.
        if line != line.rstrip() and not path.endswith(".patch"):
            yield number, "trailing blanks"
        if "\t" in line and not path.endswith("Makefile"):
            yield number, "a tab"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end"


def no_conflict(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"(<{7}|>{7}) |={7}$", line):
            yield number, "a merge conflict"


def python_compiles(path, text):
    if path.endswith(".py") or text.startswith("#!/usr/bin/env python3"):
        try:
            compile(text, path, "exec")
        except SyntaxError as error:
            yield error.lineno or 1, error.msg


def licence_line(path, text):
    if path.endswith((".c", ".h", ".py", ".sh")) and text:
        if "SPDX-License-Identifier: Apache-2.0" not in "".join(text.splitlines(True)[:3]):
            yield 1, "no SPDX line at the top"


def no_workplace(path, text):
    for match in re.finditer(r"(?<![\w.-])/wor[k]/|/home/\w+/|\.librar[y]\b", text):
        yield line_of(text, match.start()), f"'{match.group(0)}' names the machine it was written on"


def no_unfinished_work(path, text):
    if not is_c(path):
        return
    for match in re.finditer(r"\b(TODO|FIXME|XXX|HACK)\b", text):
        yield line_of(text, match.start()), f"{match.group(1)}: finish it or file it"


def no_avoided_words(path, text):
    """In comments, strings and documents."""
    if not re.match(r"(src|include)/.*\.[ch]$|docs/.*\.md$|(README|CHANGELOG)\.md$", path):
        return
    for words, better in WORDS:
        # A line of a comment or a paragraph may end between two words.
        pattern = rf"\b{words}\b".replace(" ", r"(?:\s+\*)?\s+")
        for match in re.finditer(pattern, text, flags=re.I):
            found = re.sub(r"[\s*]+", " ", match.group(0))
            yield line_of(text, match.start()), f"'{found}': {better}"


def requirements_have_hashes(path, text):
    if not re.fullmatch(r"\.ci/requirements[\w-]*\.txt", path):
        return
    lines = text.split("\n")
    for i, line in enumerate(lines[:-1]):
        if re.match(r"[A-Za-z0-9]", line) and not re.fullmatch(
                r"    --hash=sha256:[0-9a-f]{64}( \\)?", lines[i + 1]):
            yield i + 1, f"no hash for {line.split()[0]}: run .ci/pin-hashes.py {path}"


def module_of(path):
    """The source that a file belongs to: sweep.c, sweep.h and sweep_internal.h are one."""
    return pathlib.PurePath(path).stem.removesuffix("_internal")


def defined_names(path, code):
    """The functions that others can call, and the macros that look like functions."""
    if path.endswith(".h"):
        yield from re.findall(r"^#\s*define\s+(\w+)\(", code, flags=re.M)
        return
    for match in re.finditer(r"^(?!static\b)[A-Za-z_][^;{}()=]*?\b(\w+)\(", code, flags=re.M):
        body, semicolon = code.find("{", match.end()), code.find(";", match.end())
        if body != -1 and (semicolon == -1 or body < semicolon):
            yield match.group(1)


def calls_within(sources):
    """{module: {module that it calls: a function of that}} for the files of one folder, {path: code}."""
    homes = {}
    for path, code in sources.items():
        for name in defined_names(path, code):
            homes.setdefault(name, set()).add(module_of(path))
    calls = {module_of(path): {} for path in sources}
    for path, code in sources.items():
        if path.endswith(".h"):  # prototypes are no calls
            code = "\n".join(re.findall(r"^#\s*define(?:.*\\\n)*.*$", code, flags=re.M))
        own = re.findall(r"^static\b[^;{}()=]*?\b(\w+)\(", code, flags=re.M)
        for name in set(re.findall(r"\b[A-Za-z_]\w*\b", code)) - set(own):
            for home in homes.get(name, ()):
                if homes[name] == {home} and home != module_of(path):
                    calls[module_of(path)].setdefault(home, name)
    return calls


def circles(calls):
    """Sets of modules in which each module calls every other, directly or through others."""
    def reached(start):
        seen, waiting = set(), list(calls[start])
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting.extend(calls[module])
        return seen

    reach = {module: reached(module) for module in calls}
    found = {frozenset(other for other in reach[module] if module in reach[other])
             for module in calls if module in reach[module]}
    return sorted(sorted(circle) for circle in found)


def no_circles(texts):
    """A rule of the whole tree: {path: text} -> (folder, message) for each circle of files that
    call each other inside one folder."""
    folders = {}
    for path, text in texts.items():
        if is_c(path) and path.startswith(("src/", "include/")) and layer_of(path):
            # The path of an include is no call.
            code = re.sub(r"^[ \t]*#[ \t]*include.*$", "", code_only(text), flags=re.M)
            folders.setdefault(layer_of(path), {})[path] = code
    for layer, sources in sorted(folders.items()):
        calls = calls_within(sources)
        for circle in circles(calls):
            arrows = ", ".join(f"{a} calls {b} ({name})" for a in circle
                               for b, name in sorted(calls[a].items()) if b in circle)
            yield f"src/{layer}", f"a circle of files: {arrows}"


RULES = [layer_edges, no_foreign_internals, third_party_in_one_file, banned_functions,
         function_length, file_length, columns, white_space, no_conflict, python_compiles,
         licence_line, no_workplace, no_unfinished_work, no_avoided_words, requirements_have_hashes]

TEXT = (".c", ".h", ".py", ".sh", ".md", ".yaml", ".yml", ".json", ".txt", "Makefile")
ELSEWHERE = ("build/", ".git/", ".aws-sam/", "LICENSE")
# These contain the faults that the rules look for, as examples.
EXEMPT = {"tests/lint/lint.py", "tests/lint/test_lint.py"}


def files(root):
    """Tracked and new files but for those in .gitignore; outside of git, all files."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    for name in sorted(names):
        if name.startswith(ELSEWHERE) or name in EXEMPT or not (root / name).is_file():
            continue
        if name.endswith(TEXT) or name.startswith(".ci/") or name == "tests/run":
            yield name


def findings(path, text):
    for rule in RULES:
        for line, message in rule(path, text):
            yield f"{path}:{line}: {message}"


def main(root):
    texts = {name: (root / name).read_text(encoding="utf-8", errors="replace")
             for name in files(root)}
    found = [finding for name, text in texts.items() for finding in findings(name, text)]
    found += [f"{folder}:1: {message}" for folder, message in no_circles(texts)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
