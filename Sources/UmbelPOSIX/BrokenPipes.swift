internal import Glibc

/// Makes writing to a connection that the peer has closed an error, as it is everywhere else here, and no signal that ends
/// the process. Holds for the whole process.
package func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
