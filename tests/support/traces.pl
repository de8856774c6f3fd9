# Where in this bottle do any of these bytes lie? Arguments: a moment (seconds since the epoch), then NAME=HEX of the
# bytes in reverse, so that this program's own arguments and memory are no finding. Prints `NAME KIND PLACE` lines.
use strict;
use warnings;

my ($since, @given) = @ARGV;
my %needles = map { my ($name, $hex) = split /=/; $name => pack "H*", $hex } @given;
my $chunk = 1 << 20;
my $overlap = 256;

sub look {
    my ($kind, $place, $handle, $left) = @_;
    my $tail = "";
    while (!defined $left || $left > 0) {
        my $wanted = defined $left && $left < $chunk ? $left : $chunk;
        my $got = sysread $handle, my $data, $wanted;
        last unless $got;
        $left -= $got if defined $left;
        my $text = reverse($tail . $data);
        for my $name (sort keys %needles) {
            print "$name $kind $place\n" if index($text, $needles{$name}) >= 0;
        }
        $tail = substr $tail . $data, -$overlap if length($tail . $data) > $overlap;
    }
}

# A file whose inode has not changed since cannot hold what did not exist then.
open my $files, "-|", "find / \\( -path /proc -o -path /sys \\) -prune -o -type f -newerct \@$since -print0 2>/dev/null";
{
    local $/ = "\0";
    while (my $path = <$files>) {
        chomp $path;
        open my $handle, "<:raw", $path or next;
        look("file", $path, $handle, undef);
    }
}

for my $process (glob "/proc/[0-9]*") {
    for my $part ("environ", "cmdline") {
        open my $handle, "<:raw", "$process/$part" or next;
        look($part, $process, $handle, undef);
    }
    next if $process eq "/proc/$$";
    open my $maps, "<", "$process/maps" or next;
    open my $memory, "<:raw", "$process/mem" or next;
    while (my $line = <$maps>) {
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) r/ or next;
        no warnings "portable";
        my ($start, $end) = (hex $from, hex $to);
        next if $start >= 0x7fffffffffffffff;
        sysseek $memory, $start, 0 or next;
        look("memory", $process, $memory, $end - $start);
    }
}
