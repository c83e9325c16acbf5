/** Comparing a result with float64, within a tolerance that a plain float32 computation of the same thing sets. */
@NullMarked
package io.github.tornadoattention.host.check;

import org.jspecify.annotations.NullMarked;
