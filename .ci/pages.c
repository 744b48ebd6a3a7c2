/* SPDX-License-Identifier: Apache-2.0
 *
 * pages man|bash|zsh|fish [DAY]: the man page or a shell's completions, from the table of `help`. A
 * program of the machine that builds, for the binary may be one for another machine.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command_table.h"
#include "policy/policy.h"

#define EACH_COMMAND(c) (const struct command_info *c = COMMANDS; c < COMMANDS + COMMAND_COUNT; c++)
#define EACH_OPTION(o, c)                                                                          \
    (const struct option_info *o = (c)->options; o != NULL && o->name != NULL; o++)
#define EACH_WORD(w, o) (const char *const *w = (o)->words; w != NULL && *w != NULL; w++)

/* The text with `escape` before each character of `special`. */
static void put(const char *text, const char *special, const char *escape) {
    for (; *text != '\0'; text++) {
        (void)printf("%s%c", strchr(special, *text) != NULL ? escape : "", *text);
    }
}

/* --- roff ------------------------------------------------------------------------------------- */

/* Filled text. "Exit code" begins a paragraph. */
static void put_roff(const char *text) {
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        (void)printf("%s%s", line > text && *line != '\0' ? "\n" : "",
                     strncmp(line, "Exit code:", 10) == 0 ? ".PP\n"
                     : *line == '.' || *line == '\''      ? "\\&"
                                                          : "");
        char start[1024];
        (void)snprintf(start, sizeof start, "%.*s", (int)strcspn(line, "\n"), line);
        put(start, "-\\", "\\");
    }
}

static void put_heading(const char *heading) {
    (void)printf(".SH %s\n", heading);
}

static void put_options(const struct command_info *command) {
    for
        EACH_OPTION(o, command) {
            (void)printf(".TP\n.B ");
            put(o->name, "-", "\\");
            (void)printf("%s%s%s\n", o->value == NULL ? "" : " \\fI",
                         o->value == NULL ? "" : o->value, o->value == NULL ? "" : "\\fR");
            put_roff(o->text);
        for
            EACH_WORD(w, o) {
                (void)fputs(w == o->words ? ": " : ", ", stdout);
                put_roff(*w);
            }
        (void)puts("");
        }
}

static const char *day = ""; /* of the commit: "2026-12-01" */

static void put_man(void) {
    (void)printf(".TH DESYNC\\-GUARD 1 \"%s\" \"desync\\-guard %s\"\n", day, DESYNC_GUARD_VERSION);
    put_heading("NAME");
    (void)puts(
        "desync\\-guard \\- judges the desync mitigation mode of Application Load Balancers");
    put_heading("SYNOPSIS");
    for
        EACH_COMMAND(c) {
            (void)printf("%s.B desync\\-guard ", c == COMMANDS ? "" : ".br\n");
            (void)printf("%s \\fR", c->name);
            put_roff(c->arguments);
            (void)puts("");
        }
    put_heading("COMMANDS");
    for
        EACH_COMMAND(c) {
            (void)printf(".SS %s ", c->name);
            put_roff(c->arguments);
            (void)puts("");
            put_roff(c->summary);
            (void)puts(".");
            put_options(c);
            if (c->details[0] != '\0') {
                (void)puts(".PP");
                put_roff(c->details);
                (void)puts("");
            }
        }
    put_heading("RULE PARAMETERS");
    (void)puts("Parameters of the AWS Config rule, or variables of the environment.");
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    for (size_t i = 0; i < count; i++) {
        (void)printf(".TP\n.B %s, %s\n", infos[i].name, infos[i].environment);
        put_roff(infos[i].accepted);
        (void)printf(".\nDefault: ");
        put_roff(infos[i].value_default[0] == '\0' ? "(none)" : infos[i].value_default);
        (void)puts(".");
    }
    put_heading("EXIT STATUS");
    put_roff(HELP_EXIT_CODES);
    (void)puts("");
    put_heading("ENVIRONMENT");
    for (const struct variable_info *v = HELP_VARIABLES; v->name != NULL; v++) {
        (void)printf(".TP\n.B %s\n", v->name);
        put_roff(v->text);
        (void)puts("");
    }
}

/* --- shells ----------------------------------------------------------------------------------- */

static void put_command_names(void) {
    for
        EACH_COMMAND(c) {
            (void)printf("%s%s", c == COMMANDS ? "" : " ", c->name);
        }
}

static void put_words(const struct option_info *option) {
    for
        EACH_WORD(w, option) {
            (void)printf("%s%s", w == option->words ? "" : " ", *w);
        }
}

/* What has no words of ours is completed as a file. */
static void put_bash(void) {
    (void)puts("_desync_guard() {\n"
               "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
               "    [ \"$current\" = = ] && current=\n"
               "    [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}\n"
               "    local words= command=${COMP_WORDS[1]}\n"
               "    [ \"$COMP_CWORD\" -eq 1 ] && command=help\n"
               "    case \"$command $before\" in");
    for
        EACH_COMMAND(c) {
        for
            EACH_OPTION(o, c) {
                if (o->value != NULL) {
                    (void)printf("    \"%s %s\") words=\"", c->name, o->name);
                    put_words(o);
                    (void)puts("\" ;;");
                }
            }
        const char *before = "";
        (void)printf("    \"%s \"*) words=\"", c->name);
        for
            EACH_OPTION(o, c) {
                (void)printf("%s%s", before, o->name);
                before = " ";
            }
        if (c == &COMMANDS[COMMAND_HELP]) {
            put_command_names();
        }
        (void)puts("\" ;;");
        }
    (void)puts("    esac\n"
               "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
               "}\n"
               "complete -o default -F _desync_guard desync-guard");
}

static void put_zsh(void) {
    (void)puts("#compdef desync-guard\nlocal -a commands=(");
    for
        EACH_COMMAND(c) {
            (void)printf("    '%s:", c->name);
            put(c->summary, "'", "'\\'");
            (void)puts("'");
        }
    (void)puts(")\nif ((CURRENT == 2)); then\n    _describe command commands\n    return\nfi\n"
               "shift words\n((CURRENT--))\ncase $words[1] in");
    for
        EACH_COMMAND(c) {
            (void)printf("%s) _arguments", c->name);
        for
            EACH_OPTION(o, c) {
                bool is_repeated = o->id == OPTION_REGION;
                (void)printf(" \\\n    '%s%s%s[", is_repeated ? "*" : "", o->name,
                             o->value == NULL ? "" : "=");
                put(o->text, ":[]", "\\");
                (void)printf("]%s%s", o->value == NULL ? "" : ":",
                             o->value == NULL ? "" : o->value);
                if (o->words != NULL) {
                    (void)printf(":(");
                    put_words(o);
                    (void)printf(")'");
                } else {
                    (void)printf("%s'", o->value == NULL         ? ""
                                        : o->id == OPTION_OUTPUT ? ":_files"
                                                                 : ": ");
                }
            }
        (void)puts(c == &COMMANDS[COMMAND_HELP] ? " ':command:_describe command commands' ;;"
                   : c->takes_files             ? " '*:file:_files' ;;"
                                                : " ;;");
        }
    (void)puts("esac");
}

static void put_fish(void) {
    const char *complete = "complete -c desync-guard";
    (void)printf("%s -f\n", complete);
    for
        EACH_COMMAND(c) {
            (void)printf("%s -n __fish_use_subcommand -a %s -d '", complete, c->name);
            put(c->summary, "'", "\\");
            (void)puts("'");
        for
            EACH_OPTION(o, c) {
                (void)printf("%s -n '__fish_seen_subcommand_from %s' -l %s -d '", complete, c->name,
                             o->name + 2);
                put(o->text, "'", "\\");
                (void)printf("'%s", o->value == NULL         ? ""
                                    : o->id == OPTION_OUTPUT ? " -r -F"
                                                             : " -x");
                if (o->words != NULL) {
                    (void)printf(" -a '");
                    put_words(o);
                    (void)printf("'");
                }
                (void)puts("");
            }
        if (c->takes_files) {
            (void)printf("%s -n '__fish_seen_subcommand_from %s' -F\n", complete, c->name);
        }
        }
    (void)printf("%s -n '__fish_seen_subcommand_from help' -a '", complete);
    put_command_names();
    (void)puts("'");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*put)(void);
    } pages[] = {{"man", put_man}, {"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    day = argc == 3 ? argv[2] : day;
    for (size_t i = 0; argc >= 2 && i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].put();
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    (void)fputs("usage: pages man|bash|zsh|fish [DAY]\n", stderr);
    return 2;
}
