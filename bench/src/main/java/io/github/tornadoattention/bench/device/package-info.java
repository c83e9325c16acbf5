/** The device harness: checks a result, then times it by the device's own clock. */
@NullMarked
package io.github.tornadoattention.bench.device;

import org.jspecify.annotations.NullMarked;
