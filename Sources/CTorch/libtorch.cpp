// Says what to do where libtorch is not found, among the errors of the files that need it.
#if !__has_include(<ATen/ATen.h>)
#error "libtorch is missing: run Scripts/setup in the folder of Thresh, or set LIBTORCH to a libtorch 2.13"
#endif
