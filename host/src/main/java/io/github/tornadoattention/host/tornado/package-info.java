/** The kernels of {@code tornado-kernels} run through the TornadoVM API: on a device of TornadoVM's, or on the simulator. */
@NullMarked
package io.github.tornadoattention.host.tornado;

import org.jspecify.annotations.NullMarked;
