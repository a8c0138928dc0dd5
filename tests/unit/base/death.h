/* SPDX-License-Identifier: Apache-2.0
 *
 * death.h - tests of what must abort: run it in a child, look at how it died and what it said.
 */
#ifndef MOON_UNIT_BASE_DEATH_H
#define MOON_UNIT_BASE_DEATH_H

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* `fn` must end in abort(3) with a last line on stderr that contains `said`. */
static inline void assert_aborts(void (*fn)(void), const char *said)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL); /* cmocka catches it to go on with the next test */
        dup2(fds[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(fds[1]);
    char text[4096];
    size_t len = 0;
    ssize_t n = 0;
    while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    close(fds[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    if (strstr(text, said) == NULL) {
        fail_msg("expected \"%s\" on stderr, got \"%s\"", said, text);
    }
}

#endif
