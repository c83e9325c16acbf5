/** The specification in float64: boring loops that every other backend is tested against, and their float32 twin. */
@NullMarked
package io.github.tornadoattention.host.reference;

import org.jspecify.annotations.NullMarked;
