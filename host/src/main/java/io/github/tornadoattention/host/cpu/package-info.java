/** Attention on all cores of the CPU: tiled flash attention, and the textbook way as its baseline. */
@NullMarked
package io.github.tornadoattention.host.cpu;

import org.jspecify.annotations.NullMarked;
