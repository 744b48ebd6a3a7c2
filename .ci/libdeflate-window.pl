#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# libdeflate-window.pl FOLDER: gives libdeflate's sources one more function, which unpacks from a
# buffer and into a window, both of fixed size. libdeflate by itself wants all of the input and room
# for all of the output, and touching that much new memory takes longer than unpacking into it.
#
#     const void *(*fill)(void *context, const void *next, const void **end);
#     void *(*drain)(void *context, void *window, void *end);
#     libdeflate_deflate_decompress_window(d, in, in_size, window, window_size, fill, drain,
#                                          context, &in_used, &window_used)
#
# `fill` keeps what lies from `next` on, and 8 bytes before it that were read already, moves them
# towards `in`, the begin of the buffer, and puts more of the input behind; it returns where `next`
# is now and tells in *end where the input ends. 66 KiB or more must then be there, or all that is
# left: when there are as many as before, it is not called any more.
# `drain` takes what lies before `end`, moves at least the last 32 KiB of it (or all, when less has
# been unpacked so far) to the window's begin and returns the end of these. 66 KiB or more must then
# be free.
# At the end the input was used up to in + *in_used, and what was unpacked after the last call of
# `drain` lies before window + *window_used.
#
# Every place must be found exactly once: another version of libdeflate is looked at by somebody.
use strict;
use warnings;

my $folder = shift;

sub change {
    my ($file, @places) = @_;
    my $path = "$folder/$file";
    open my $in, '<', $path or die "$path: $!";
    local $/;
    my $text = <$in>;
    close $in;
    while (my ($old, $new) = splice @places, 0, 2) {
        my $count = () = $text =~ /\Q$old\E/g;
        $count == 1 or die "$path: found $count times: $old";
        $text =~ s/\Q$old\E/$new/;
    }
    open my $out, '>', $path or die "$path: $!";
    print $out $text or die "$path: $!";
    close $out or die "$path: $!";
}

my $full = 'd->drain != NULL && out_next >= out_fastloop_end';
# Only what was made of bytes that are there: behind the end libdeflate reads zeros.
my $drain = '{ SAFETY_CHECK(overread_count <= ((u8)bitsleft >> 3)); '
    . 'out_next = d->drain(d->context, out, out_next); }';
my $fast_end = 'in_end - MIN(in_end - in_next, FASTLOOP_MAX_BYTES_READ)';

change 'lib/decompress_template.h',
    # What `fill` changes.
    "const void * restrict in, size_t in_nbytes,", "const void *in, size_t in_nbytes,",
    "const u8 * const in_end =", "const u8 *in_end =",
    "const u8 * const in_fastloop_end =", "const u8 *in_fastloop_end =",
    # Before a block: its header, and all of it when it has no compression, are at most 64 KiB.
    "/* Starting to read the next block */\n\t;\n",
    "if (d->fill != NULL && in_end - in_next < 66 * 1024)\nFILL();\n",
    # A block without compression: at most 64 KiB.
    "if (unlikely(len > out_end - out_next))",
    "if (d->drain != NULL && len > out_end - out_next)\n$drain\n"
    . "if (unlikely(len > out_end - out_next))",
    # On the way into the fast loop, and out of it when the window is full or the buffer is empty.
    "if (in_next >= in_fastloop_end || out_next >= out_fastloop_end)\n",
    "fastloop_entry:\nif ($full)\n$drain\n"
    . "if (d->fill != NULL && in_next >= in_fastloop_end)\nFILL();\n"
    . "if (in_next >= in_fastloop_end || out_next >= out_fastloop_end)\n",
    "} while (in_next < in_fastloop_end && out_next < out_fastloop_end);",
    "} while (in_next < in_fastloop_end && out_next < out_fastloop_end);\n"
    . "if (($full) || (d->fill != NULL && in_next >= in_fastloop_end))\ngoto fastloop_entry;",
    # Near the end of the input.
    "u8 *dst;\n\n\t\tREFILL_BITS();\n",
    "u8 *dst;\n\nif ($full)\n$drain\nREFILL_BITS();\n";

change 'lib/deflate_decompress.c',
    "bool static_codes_loaded;\n",
    "bool static_codes_loaded;\n"
    . "const void *(*fill)(void *, const void *, const void **);\n"
    . "void *(*drain)(void *, void *, void *);\nvoid *context;\n",
    "#define FUNCNAME deflate_decompress_default\n",
    <<"C" . "#define FUNCNAME deflate_decompress_default\n",
#define FILL() \\
do { \\
    const void *fill_end = in_end; \\
    size_t fill_left = in_end - in_next; \\
    in_next = d->fill(d->context, in_next, &fill_end); \\
    in_end = fill_end; \\
    in_fastloop_end = $fast_end; \\
    if (in_end - in_next == fill_left) \\
        d->fill = NULL; \\
} while (0)

C
    "LIBDEFLATEEXPORT struct libdeflate_decompressor * LIBDEFLATEAPI\nlibdeflate_alloc_decompressor(",
    <<'C' . "LIBDEFLATEEXPORT struct libdeflate_decompressor * LIBDEFLATEAPI\nlibdeflate_alloc_decompressor(";
LIBDEFLATEEXPORT enum libdeflate_result LIBDEFLATEAPI
libdeflate_deflate_decompress_window(struct libdeflate_decompressor *d,
    const void *in, size_t in_size, void *window, size_t window_size,
    const void *(*fill)(void *context, const void *next, const void **end),
    void *(*drain)(void *context, void *window, void *end), void *context,
    size_t *in_used, size_t *window_used)
{
    enum libdeflate_result result;

    d->fill = fill;
    d->drain = drain;
    d->context = context;
    result = decompress_impl(d, in, in_size, window, window_size, in_used, window_used);
    d->fill = NULL;
    d->drain = NULL;
    return result;
}

C
