/**
 * The command line: {@code attention demo|run|verify|devices|doctor}. Each command is a class; {@code Main} maps failures to
 * exit codes.
 */
@NullMarked
package io.github.tornadoattention.host.cli;

import org.jspecify.annotations.NullMarked;
