// One import for a user of the library.
@_exported import Architectures
@_exported import Clocks
@_exported import Compaction
@_exported import Containers
@_exported import Datasets
@_exported import Interchange
@_exported import Networks
@_exported import Torch
@_exported import Training
