# SPDX-License-Identifier: Apache-2.0
"""Each rule of lint.py reports a planted fault at the right line, and reports nothing else."""
import importlib.util
import pathlib
import subprocess
import sys

import pytest

LINT = pathlib.Path(__file__).with_name("lint.py")
spec = importlib.util.spec_from_file_location("desync_guard_lint", LINT)
lint = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lint)

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def body(lines):
    return "int f(void) {\n" + "    step();\n" * (lines - 2) + "}\n"


# rule, path, text, lines that it must report
CASES = {
    "policy_includes_net": ("layer_edges", "src/policy/rule.c", '\n#include "net/http.h"\n', [2]),
    "base_includes_policy": ("layer_edges", "include/base/x.h", '#include "policy/policy.h"\n', [1]),
    "runtime_includes_app": ("layer_edges", "src/runtime/x.c", '#include <app/app.h>\n', [1]),
    "aws_includes_app": ("layer_edges", "src/aws/x.c", '#  include "app/app.h"\n', [1]),
    "report_includes_aws": ("layer_edges", "src/report/x.c", '#include "aws/call.h"\n', [1]),
    "unknown_layer": ("layer_edges", "src/extra/x.c", "\n", [1]),
    "allowed_edges": (
        "layer_edges", "src/app/x.c", '#include "aws/call.h"\n#include "policy/policy.h"\n', []),
    "event_includes_aws": ("layer_edges", "src/event/x.c", '#include "aws/call.h"\n', [1]),
    "event_includes_regions": ("layer_edges", "src/event/x.c", '#include "aws/region.h"\n', []),
    "main_includes_lambda_and_cli": ("layer_edges", "src/main.c", '#include "lambda.h"\n#include "cli/cli.h"\n', []),
    "main_includes_runtime": ("layer_edges", "src/main.c", '#include "runtime/runtime.h"\n', [1]),
    "lambda_includes_runtime": ("layer_edges", "src/lambda.c", '#include "runtime/runtime.h"\n', []),
    "lambda_includes_cli": ("layer_edges", "src/lambda.c", '\n#include "cli/cli.h"\n', [2]),
    "lambda_header_includes_aws": ("layer_edges", "src/lambda.h", '#include "aws/call.h"\n', [1]),
    "app_includes_lambda": ("layer_edges", "src/app/x.c", '#include "lambda.h"\n', [1]),
    "file_beside_the_folders": ("layer_edges", "src/extra.c", "\n", [1]),
    "commented_include": ("layer_edges", "src/policy/x.c", '/*\n#include "net/http.h"\n*/\n', []),
    "foreign_internal": (
        "no_foreign_internals", "src/app/x.c", '#include "aws/call_internal.h"\n', [1]),
    "internal_in_public_header": (
        "no_foreign_internals", "include/aws/x.h", '#include "aws/call_internal.h"\n', [1]),
    "own_internal": (
        "no_foreign_internals", "src/aws/x.c", '#include "call_internal.h"\n', []),
    "include_by_relative_path": (
        "no_foreign_internals", "src/policy/x.c", '#include "../net/http_curl.h"\n', [1]),
    "cjson_elsewhere": (
        "third_party_in_one_file", "src/app/x.c", "#include <cjson/cJSON.h>\n", [1]),
    "curl_in_a_public_header": (
        "third_party_in_one_file", "include/net/http.h", "\n#include <curl/curl.h>\n", [2]),
    "openssl_elsewhere": (
        "third_party_in_one_file", "src/aws/call.c", "#include <openssl/sha.h>\n", [1]),
    "isal_elsewhere": (
        "third_party_in_one_file", "src/traffic/tally.c", "#include <isa-l/igzip_lib.h>\n", [1]),
    "isal_in_dynamodb_item": (
        "third_party_in_one_file", "src/aws/dynamodb_item.c", "#include <isa-l/crc.h>\n", []),
    "curl_in_net": (
        "third_party_in_one_file", "src/net/http_curl_batch.c", "#include <curl/curl.h>\n", []),
    "strcpy": ("banned_functions", "src/app/x.c", "void f(void) {\n    strcpy(a, b);\n}\n", [2]),
    "gmtime": ("banned_functions", "src/base/clock.c", "x = gmtime (&t);\n", [1]),
    "getenv_elsewhere": ("banned_functions", "src/app/x.c", 'getenv("A");\n', [1]),
    "getenv_in_env": ("banned_functions", "src/base/env.c", 'getenv("A");\n', []),
    "malloc_elsewhere": ("banned_functions", "src/base/buf.c", "p = malloc(1);\nfree(p);\n", [1, 2]),
    "malloc_in_arena": ("banned_functions", "src/base/arena.c", "p = malloc(1);\n", []),
    "setenv_elsewhere": ("banned_functions", "src/runtime/x.c", 'setenv("A", "", 1);\n', [1]),
    "popen": ("banned_functions", "src/cli/x.c", 'popen("ls", "r");\n', [1]),
    "printing_elsewhere": (
        "banned_functions", "src/cli/logs.c",
        'printf("%s", name);\n(void)fprintf(stderr, "%s", name);\nfputs(name, stdout);\n'
        'fwrite(name, 1, 9, stdout);\nputs(name);\nputchar(c);\nwrite(2, name, 9);\n'
        'dprintf(2, "%s", name);\nperror(name);\nvfprintf(stderr, format, arguments);\n',
        [*range(1, 11)]),
    "printing_from_another_layer": ("banned_functions", "src/report/x.c", 'printf("x");\n', [1]),
    "printing_in_io": (
        "banned_functions", "src/cli/io.c", "(void)fwrite(shown.ptr, 1, shown.len, file);\n", []),
    "formatting_into_memory": (
        "banned_functions", "src/cli/logs.c",
        'snprintf(text, 9, "%d", n);\nbuf_printf(&out, "x");\nlog->write(context, line);\n'
        '__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);\n', []),
    "similar_names_are_not_banned": (
        "banned_functions", "src/app/x.c",
        'my_malloc(1);\nlist->free(p);\nlocaltime_r(&t, &tm);\n"strcpy(a)"; /* strtok( */\n', []),
    "long_function": ("function_length", "src/app/x.c", SPDX + body(71), [2]),
    "function_at_the_limit": ("function_length", "src/app/x.c", SPDX + body(70), []),
    "long_table": (
        "function_length", "src/app/x.c", "const int t[] = {\n" + "    1,\n" * 90 + "};\n", []),
    "long_file": ("file_length", "src/app/x.c", "\n" * 501, [501]),
    "file_at_the_limit": ("file_length", "src/app/x.c", "\n" * 500, []),
    "wide_line": ("columns", "src/app/x.c", "\n" + "x" * 101 + "\n", [2]),
    "line_at_the_limit": ("columns", "src/app/x.c", "é" * 100 + "\n", []),
    "trailing_blank": ("white_space", "README.md", "a \nb\n", [1]),
    "blank_in_a_patch": ("white_space", ".ci/patches/x/CVE-1.patch", " \n", []),
    "tab": ("white_space", "src/app/x.c", "\tx;\n", [1]),
    "tab_in_the_makefile": ("white_space", "Makefile", "all:\n\ttrue\n", []),
    "conflict": ("no_conflict", "README.md", "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> c\n", [1, 3, 5]),
    "underline": ("no_conflict", "README.md", "Title\n========\n", []),
    "broken_python": ("python_compiles", "tests/x.py", "a = 1\ndef b(:\n", [2]),
    "broken_python_by_its_first_line": ("python_compiles", "tests/x",
                                        "#!/usr/bin/env python3\n)\n", [2]),
    "sound_python": ("python_compiles", "tests/x.py", "a = 1\n", []),
    "no_python": ("python_compiles", "README.md", "def b(:\n", []),
    "no_last_newline": ("white_space", "src/app/x.c", "a", [1]),
    "no_spdx": ("licence_line", "src/app/x.c", "int x;\n", [1]),
    "spdx": ("licence_line", "src/app/x.c", SPDX, []),
    "workplace_folder": ("no_workplace", "README.md", "\nsee /wor" "k/there\n", [2]),
    "workplace_library": ("no_workplace", "tests/a.py", "x = '/x/.librar" "y/y'\n", [1]),
    "words_with_work": ("no_workplace", "src/a.c", "/* network/working, a work/life balance */\n", []),
    "todo": ("no_unfinished_work", "src/app/x.c", "int x; /* TODO: y */\n", [1]),
    "avoided_words_in_comments": (
        "no_avoided_words", "src/app/x.c",
        "/* Whoever hears it is told\n * of it. */\nint x; /* what hangs on it\n is heard */\n",
        [1, 1, 3, 4]),
    "avoided_word_in_a_string": (
        "no_avoided_words", "include/app/x.h", '\n#define X "it was taken back"\n', [2]),
    "avoided_words_in_a_document": (
        "no_avoided_words", "docs/operate.md", "an untold alert\nis gone on\nwith\n", [1, 2]),
    "similar_words_are_not_avoided": (
        "no_avoided_words", "src/app/x.c",
        'tell(of); /* told, off; a mode is taken; back */ "taken-back"; "untold"; is_heard();\n', []),
    "avoided_words_in_tests": ("no_avoided_words", "tests/unit/test_x.c", "/* whoever */\n", []),
    "no_hash": ("requirements_have_hashes", ".ci/requirements.txt",
                "# x\na==1\nb==2 \\\n    --hash=sha256:" + "0" * 64 + "\n", [2]),
    "word_with_todo": ("no_unfinished_work", "src/app/x.c", "int todos;\n", []),
}


@pytest.mark.parametrize("rule, path, text, lines", CASES.values(), ids=CASES.keys())
def test_rule(rule, path, text, lines):
    assert sorted(line for line, _ in getattr(lint, rule)(path, text)) == lines


def test_every_rule_has_a_case_that_it_reports():
    fired = {rule for rule, _, _, lines in CASES.values() if lines}
    assert fired == {rule.__name__ for rule in lint.RULES}


@pytest.mark.parametrize("text, status", [(SPDX, 0), ('#include "net/http.h"\n' + SPDX, 1)])
def test_exit_status_says_whether_a_rule_was_broken(tmp_path, text, status):
    (tmp_path / "src" / "policy").mkdir(parents=True)
    (tmp_path / "src" / "policy" / "rule.c").write_text(text)
    done = subprocess.run([sys.executable, str(LINT), str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, "src/policy/rule.c:1:" in done.stdout) == (status, status == 1)


def circle_of(files):
    return list(lint.no_circles({path: SPDX + text for path, text in files.items()}))


ROOF = "void roof(void) {\n    floor_sweep();\n}\n"


def test_files_that_call_each_other_are_a_circle():
    found = circle_of({"src/app/roof.c": ROOF,
                       "src/app/floor.c": "void floor_sweep(void) {\n    roof();\n}\n"})
    assert found == [("src/app",
                      "a circle of files: floor calls roof (roof), roof calls floor (floor_sweep)")]


def test_a_circle_through_a_third_file_is_found():
    found = circle_of({"src/app/roof.c": ROOF,
                       "src/app/floor.c": "void floor_sweep(void) {\n    stair();\n}\n",
                       "src/app/stair.c": "void stair(void) {\n    roof();\n}\n"})
    assert len(found) == 1


def test_a_circle_through_a_macro_is_found():
    assert circle_of({"include/app/roof.h": "#define ROOF() roof()\n", "src/app/roof.c": ROOF,
                      "src/app/floor.c": "void floor_sweep(void) {\n    ROOF();\n}\n"})


@pytest.mark.parametrize("floor", [
    "void floor_sweep(void) {\n}\n",
    "/* roof() */\nvoid floor_sweep(void) {\n    puts(\"roof()\");\n}\n",
    "static void roof(void) {\n}\n\nvoid floor_sweep(void) {\n    step();\n}\n"])
def test_a_stack_of_files_is_no_circle(floor):
    assert circle_of({"src/app/roof.c": ROOF, "src/app/floor.c": floor,
                      "include/app/roof.h": "void roof(void);\n",
                      "include/app/floor.h": "void floor_sweep(void);\n"}) == []
