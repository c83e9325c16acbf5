/**
 * NumPy's files: reads .npy and .npz ({@link io.github.tornadoattention.host.npy.ArraySource}) and writes .npz
 * ({@link io.github.tornadoattention.host.npy.NpzWriter}).
 *
 * <p>A reader of its own, since files come from strangers: a header is believed only after its claim has been compared with
 * the bytes that are there, Python objects are never unpickled, and every error names file and array.
 */
@NullMarked
package io.github.tornadoattention.host.npy;

import org.jspecify.annotations.NullMarked;
