#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# libdeflate-window.pl FOLDER: gives libdeflate's sources one more function, which unpacks into a
# window of fixed size and hands over each time that it is full. libdeflate by itself wants room for
# all of the output, and touching that much new memory takes longer than unpacking into it.
#
#     void *(*drain)(void *context, void *window, void *end);
#     libdeflate_deflate_decompress_window(d, in, in_size, window, window_size, drain, context,
#                                          &in_used, &window_used)
#
# `drain` takes what lies before `end`, moves at least the last 32 KiB of it (or all, when less has
# been unpacked so far) to the window's begin and returns the end of these. 66 KiB or more must then
# be free. What was unpacked after the last call lies before window + *window_used.
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
my $drain = 'out_next = d->drain(d->drain_context, out, out_next);';

change 'lib/decompress_template.h',
    # A block without compression: at most 64 KiB.
    "if (unlikely(len > out_end - out_next))",
    "if (d->drain != NULL && len > out_end - out_next)\n$drain\n"
    . "if (unlikely(len > out_end - out_next))",
    # On the way into the fast loop, and out of it when the window is full.
    "if (in_next >= in_fastloop_end || out_next >= out_fastloop_end)\n",
    "fastloop_entry:\nif ($full)\n$drain\n"
    . "if (in_next >= in_fastloop_end || out_next >= out_fastloop_end)\n",
    "} while (in_next < in_fastloop_end && out_next < out_fastloop_end);",
    "} while (in_next < in_fastloop_end && out_next < out_fastloop_end);\n"
    . "if ($full)\ngoto fastloop_entry;",
    # Near the end of the input.
    "u8 *dst;\n\n\t\tREFILL_BITS();\n",
    "u8 *dst;\n\nif ($full)\n$drain\nREFILL_BITS();\n";

change 'lib/deflate_decompress.c',
    "bool static_codes_loaded;\n",
    "bool static_codes_loaded;\nvoid *(*drain)(void *, void *, void *);\nvoid *drain_context;\n",
    "LIBDEFLATEEXPORT struct libdeflate_decompressor * LIBDEFLATEAPI\nlibdeflate_alloc_decompressor(",
    <<'C' . "LIBDEFLATEEXPORT struct libdeflate_decompressor * LIBDEFLATEAPI\nlibdeflate_alloc_decompressor(";
LIBDEFLATEEXPORT enum libdeflate_result LIBDEFLATEAPI
libdeflate_deflate_decompress_window(struct libdeflate_decompressor *d,
    const void *in, size_t in_size, void *window, size_t window_size,
    void *(*drain)(void *context, void *window, void *end), void *context,
    size_t *in_used, size_t *window_used)
{
    enum libdeflate_result result;

    d->drain = drain;
    d->drain_context = context;
    result = decompress_impl(d, in, in_size, window, window_size, in_used, window_used);
    d->drain = NULL;
    return result;
}

C
