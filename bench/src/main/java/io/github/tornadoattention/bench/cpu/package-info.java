/** Attention on the CPU beside other people's: agreement first, then times in alternation. */
@NullMarked
package io.github.tornadoattention.bench.cpu;

import org.jspecify.annotations.NullMarked;
