/**
 * Works out the JVM's command line before the real JVM starts: class path and simulator, or the module path of a TornadoVM
 * SDK. Uses the JDK alone and little of it, since every call of the command line waits for it.
 */
@NullMarked
package io.github.tornadoattention.host.launch;

import org.jspecify.annotations.NullMarked;
