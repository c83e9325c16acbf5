/** Measurements: the results format and what the harnesses share. */
@NullMarked
package io.github.tornadoattention.bench;

import org.jspecify.annotations.NullMarked;
